"""From songs to examples: which excerpt, and which draw of the task.

All randomness of an example comes from (seed, stream, epoch, index), so neither the order of the
examples, nor the number of workers, nor a resume changes it. A song found out only now (damaged,
silent) is replaced by another, by lot from the same numbers; the example says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from ai_mixer.audio.excerpt import SongError
from ai_mixer.core.types import CONDITIONS, GENRES, Example, SkippedSong, Song
from ai_mixer.data.excerpt_sampler import Augment, ExcerptSampler, second_excerpt_start

MAX_REPLACEMENTS = 15  # other songs, when one cannot be used

ExampleKey = tuple[int, int]
"""(epoch, index): what the sampler hands to the dataset."""


class Task(Protocol):
    """How (rough, finished, knobs) is made from an excerpt."""

    condition: str  # one of CONDITIONS, or "any": by lot

    def __call__(
        self,
        finished: Tensor,
        other_excerpt: Callable[[], Tensor],
        *,
        dry: bool,
        sample_rate: int,
        rng: np.random.Generator,
        condition: str | None = None,
        rough: Tensor | None = None,
    ) -> Example:
        """The example of one excerpt; `other` reads a second one, and only where it is heard.

        rough: what somebody made the excerpt from, where the song has it.
        """
        ...


class SongDataset(Dataset[Example]):
    """`excerpts_per_song` examples of every song and epoch, `excerpt_s` seconds each.

    excerpt_s: None for whole songs; another excerpt to hear as reference is then the song itself.
    An index beyond the length is another draw from the song of `index % len`. `stream` keeps train,
    val and test draws apart. With `cycle_conditions` a task that would draw the condition is given
    each in turn, so that every one is equally represented.
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

    def __len__(self) -> int:
        return len(self.songs) * self.excerpts_per_song

    @property
    def genres(self) -> list[str]:
        """The genre of every index; "" where it is unknown."""
        return [song.genre or "" for song in self.songs for _ in range(self.excerpts_per_song)]

    def __getitem__(self, key: ExampleKey) -> Example:
        epoch, index = key
        skipped: list[SkippedSong] = []
        for song in self._candidates(epoch, index):
            try:
                return replace(self._example(song, epoch, index), skipped=tuple(skipped))
            except SongError as error:
                skipped.append(SkippedSong(error.file, error.reason))
        raise ValueError(
            f"{len(skipped)} songs in a row cannot be used, the first: {skipped[0]}; "
            "mend the files or take them away"
        )

    def _candidates(self, epoch: int, index: int) -> Iterator[Song]:
        """The song of an index, then others by lot, should it turn out to be unusable."""
        place = index % len(self) // self.excerpts_per_song
        yield self.songs[place]
        rng = np.random.default_rng([self.seed, self.rng_stream, epoch, index])
        others = len(self.songs) - 1
        for step in rng.choice(others, min(MAX_REPLACEMENTS, others), replace=False):
            yield self.songs[(place + 1 + int(step)) % len(self.songs)]

    def _example(self, song: Song, epoch: int, index: int) -> Example:
        sequence = np.random.SeedSequence([self.seed, self.rng_stream, epoch, index])
        where, task_rng, augment_rng = map(np.random.default_rng, sequence.spawn(3))
        before = song.rough_path  # of a pair of before and after: as they are
        augment = None if before else self.augment
        excerpt_s = self.excerpt_s or song.duration_s
        reader = ExcerptSampler(self.sample_rate, excerpt_s, augment, augment_rng)
        dry = None if before else song.dry_path
        path = dry or song.path
        start_s, finished = reader.random_excerpt(song, path, where)
        other_s = second_excerpt_start(start_s, song.duration_s, reader.length_s, where)

        def other_excerpt() -> Tensor:
            if song.reference is None:
                return reader.excerpt_at(song, path, other_s)
            return reader.random_excerpt(song.reference, song.reference.path, where)[1]

        in_turn = CONDITIONS[index % len(CONDITIONS)] if self.cycle_conditions else None
        example = self.task(
            finished,
            other_excerpt,
            dry=dry is not None,
            sample_rate=self.sample_rate,
            rng=task_rng,
            condition=in_turn if self.task.condition == "any" else None,
            rough=reader.read(before, start_s + song.rough_lag_s) if before else None,
        )
        example = replace(example, genre=genre_index(song.genre), song_id=song.id)
        return augment.apply(example, reader.augment_params) if augment else example


def genre_index(label: str | None) -> int:
    """Index into GENRES, whatever the spelling; −1 for another genre or none.

    >>> genre_index("Hip-Hop"), genre_index("polka"), genre_index(None)
    (5, -1, -1)
    """
    name = (label or "").strip().lower().replace("-", "_").replace(" ", "_")
    return GENRES.index(name) if name in GENRES else -1
