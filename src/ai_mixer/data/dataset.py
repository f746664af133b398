"""Map-style dataset of training examples.

The random numbers of an example depend only on (seed, stream, epoch, index), so neither the order
of the examples, nor the number of workers, nor resuming changes it. A song that turns out to be
unusable (damaged, silent) is replaced by another one, drawn with the same numbers, and listed in
the example's `skipped`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from ai_mixer.audio.errors import SongError
from ai_mixer.core.types import CONDITIONS, GENRES, Condition, Example, SkippedSong, Song
from ai_mixer.data.deferred_batch import DeferredExample
from ai_mixer.data.excerpt_sampler import Augment, ExcerptSampler, second_excerpt_start

MAX_REPLACEMENTS = 15  # songs tried in place of an unusable one

ExampleKey = tuple[int, int]
"""(epoch, index), from the sampler."""


class Task(Protocol):
    """A learning problem: makes an example from an excerpt."""

    condition: Condition | Literal["any"]  # "any": drawn at random

    def __call__(
        self,
        finished: Tensor,
        other_excerpt: Callable[[], Tensor],
        *,
        dry: bool,
        sample_rate: int,
        rng: np.random.Generator,
        condition: Condition | None = None,
        rough: Tensor | None = None,
    ) -> Example:
        """Make the example of one excerpt.

        finished: [C, T]. other_excerpt: reads a second excerpt; called only if it is the reference.
        dry: whether the excerpts have no reverb and delay. condition: default: that of the task.
        rough: the real rough version of the excerpt, if the song has one.
        """
        ...


class SongDataset(Dataset[Any]):
    """`excerpts_per_song` examples of every song per epoch, `excerpt_s` seconds each.

    excerpt_s: None for whole songs; the second excerpt is then the song itself. rng_stream: part of
    the seed, different for train, val and test. cycle_conditions: a task that draws the condition
    at random gets each in turn instead, so that all are equally frequent. An index beyond the
    length is another example of the song of `index % len`. defer: items are `DeferredExample`s,
    whose task runs later, in a batch. Raises ValueError if excerpt_s or
    excerpts_per_song is not positive.
    """

    def __init__(
        self,
        songs: Sequence[Song],
        task: Task,
        augment: Augment | None = None,
        *,
        sample_rate: int = 44100,
        excerpt_s: float | None = 5.0,
        excerpts_per_song: int = 1,
        seed: int = 0,
        rng_stream: int = 0,
        cycle_conditions: bool = False,
        defer: bool = False,
    ) -> None:
        if (excerpt_s is not None and excerpt_s <= 0) or excerpts_per_song < 1:
            raise ValueError(
                "excerpt_s must be positive and excerpts_per_song at least 1, "
                f"got {excerpt_s} and {excerpts_per_song}"
            )
        self.songs, self.task, self.augment = list(songs), task, augment
        self.sample_rate, self.excerpt_s = sample_rate, excerpt_s
        self.excerpts_per_song = excerpts_per_song
        self.seed, self.rng_stream, self.cycle_conditions = seed, rng_stream, cycle_conditions
        # The method `collect` has the arguments of the task and returns its input.
        self._make: Callable[..., Any] = task.collect if defer else task  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return len(self.songs) * self.excerpts_per_song

    @property
    def genres(self) -> list[str]:
        """Genre of every index; "" if unknown."""
        return [song.genre or "" for song in self.songs for _ in range(self.excerpts_per_song)]

    def __getitem__(self, key: ExampleKey) -> Any:
        epoch, index = key
        skipped: list[SkippedSong] = []
        for song in self._candidates(epoch, index):
            try:
                return replace(self._example(song, epoch, index), skipped=tuple(skipped))
            except SongError as error:
                skipped.append(SkippedSong(error.file, error.reason))
        raise ValueError(
            f"{len(skipped)} songs in a row cannot be used, the first: {skipped[0]}; "
            "repair or remove the files"
        )

    def _candidates(self, epoch: int, index: int) -> Iterator[Song]:
        """The song of an index, then random others to replace it."""
        song_index = index % len(self) // self.excerpts_per_song
        yield self.songs[song_index]
        rng = np.random.default_rng([self.seed, self.rng_stream, epoch, index])
        others = len(self.songs) - 1
        for step in rng.choice(others, min(MAX_REPLACEMENTS, others), replace=False):
            yield self.songs[(song_index + 1 + int(step)) % len(self.songs)]

    def _example(self, song: Song, epoch: int, index: int) -> Example | DeferredExample:
        sequence = np.random.SeedSequence([self.seed, self.rng_stream, epoch, index])
        excerpt_rng, task_rng, augment_rng = map(np.random.default_rng, sequence.spawn(3))
        rough_path = song.rough_path  # real pairs are used without augmentation and dry version
        augment = None if rough_path else self.augment
        excerpt_s = self.excerpt_s or song.duration_s
        sampler = ExcerptSampler(self.sample_rate, excerpt_s, augment, augment_rng)
        dry = None if rough_path else song.dry_path
        path = dry or song.path
        start_s, finished = sampler.random_excerpt(song, path, excerpt_rng)
        other_s = second_excerpt_start(start_s, song.duration_s, sampler.length_s, excerpt_rng)

        def other_excerpt() -> Tensor:
            if song.reference is None:
                return sampler.excerpt_at(song, path, other_s)
            return sampler.random_excerpt(song.reference, song.reference.path, excerpt_rng)[1]

        cycled = CONDITIONS[index % len(CONDITIONS)] if self.cycle_conditions else None
        rough = sampler.read(rough_path, start_s + song.rough_lag_s) if rough_path else None
        made = self._make(
            finished,
            other_excerpt,
            dry=dry is not None,
            sample_rate=self.sample_rate,
            rng=task_rng,
            condition=cycled if self.task.condition == "any" else None,
            rough=rough,
        )
        genre, params = genre_index(song.genre), sampler.augment_params
        if not isinstance(made, Example):
            return DeferredExample(made, genre, song.id, augment, params)
        example = replace(made, genre=genre, song_id=song.id)
        return augment.apply(example, params) if augment else example


def genre_index(label: str | None) -> int:
    """Index into GENRES, ignoring case, hyphens and spaces; −1 for another genre or None.

    >>> genre_index("Hip-Hop"), genre_index("polka"), genre_index(None)
    (5, -1, -1)
    """
    name = (label or "").strip().lower().replace("-", "_").replace(" ", "_")
    return GENRES.index(name) if name in GENRES else -1
