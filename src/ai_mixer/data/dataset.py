"""From songs to examples: which excerpt, and which draw of the task.

All randomness of an example comes from (seed, stream, epoch, index), so neither the order of the
examples, nor the number of workers, nor a resume changes it. A song found out only now (damaged,
silent) is replaced by another, by lot from the same numbers; the example says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import Dataset

from ai_mixer.data.audio import SongError, read_excerpt
from ai_mixer.types import CONDITIONS, GENRES, Example, Excerpt, Skipped, Song

QUIET_RMS = 10.0 ** (-50.0 / 20.0)  # an excerpt below this is drawn again …
QUIET_DRAWS = 4  # … until there were so many: a quiet song is used as it is
SILENT_RMS = 10.0 ** (-90.0 / 20.0)  # below this there is nothing to mix: drawn again …
SILENT_DRAWS = 16  # … until the song counts as silent
WHOLE = "full"  # instead of seconds: the whole song
TRIES = 15  # other songs, when one cannot be used

Key = tuple[int, int]
"""(epoch, index): what the sampler hands to the dataset."""


class Task(Protocol):
    """How (rough, finished, knobs) is made from an excerpt."""

    condition: str  # one of CONDITIONS, or "any": by lot

    def __call__(
        self,
        finished: Tensor,
        other: Callable[[], Tensor],
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


class Augment(Protocol):
    """What is changed in an example, before or after the task: first drawn, then applied."""

    def draw(self, rng: np.random.Generator) -> Any:
        """The parameters of one application."""
        ...

    def reads(self, params: Any) -> float:
        """How many seconds of the song one second of the example needs."""
        ...

    def prepare(self, excerpt: Excerpt, params: Any) -> Excerpt:
        """The changed excerpt, before the task."""
        ...

    def apply(self, example: Example, params: Any) -> Example:
        """The changed example, after the task."""
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
        stream: int = 0,
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
        self.seed, self.stream, self.cycle_conditions = seed, stream, cycle_conditions

    def __len__(self) -> int:
        return len(self.songs) * self.excerpts_per_song

    @property
    def genres(self) -> list[str]:
        """The genre of every index; "" where it is unknown."""
        return [song.genre or "" for song in self.songs for _ in range(self.excerpts_per_song)]

    def __getitem__(self, key: Key) -> Example:
        epoch, index = key
        skipped: list[Skipped] = []
        for song in self._candidates(epoch, index):
            try:
                return replace(self._example(song, epoch, index), skipped=tuple(skipped))
            except SongError as error:
                skipped.append(Skipped(error.file, error.reason))
        raise ValueError(
            f"{len(skipped)} songs in a row cannot be used, the first: {skipped[0]}; "
            "mend the files or take them away"
        )

    def _candidates(self, epoch: int, index: int) -> Iterator[Song]:
        """The song of an index, then others by lot, should it turn out to be unusable."""
        place = index % len(self) // self.excerpts_per_song
        yield self.songs[place]
        rng = np.random.default_rng([self.seed, self.stream, epoch, index])
        others = len(self.songs) - 1
        for step in rng.choice(others, min(TRIES, others), replace=False):
            yield self.songs[(place + 1 + int(step)) % len(self.songs)]

    def _example(self, song: Song, epoch: int, index: int) -> Example:
        sequence = np.random.SeedSequence([self.seed, self.stream, epoch, index])
        where, task_rng, augment_rng = map(np.random.default_rng, sequence.spawn(3))
        given = song.rough_path is not None  # before and after: as they are
        augment = None if given else self.augment
        drawn = augment.draw(augment_rng) if augment else None
        dry = None if given else song.dry_path
        path = dry or song.path
        wanted_s = self.excerpt_s or song.duration_s
        length_s = wanted_s * (augment.reads(drawn) if augment else 1.0)
        start_s, audio = self._excerpt(path, song.duration_s, length_s, where)
        other_s = other_start(start_s, song.duration_s, length_s, where)

        def prepared(audio: Tensor, of: Song, start_s: float) -> Tensor:
            if augment is None:
                return audio
            excerpt = Excerpt(audio, self.sample_rate, self._stems(of, start_s, length_s))
            changed = augment.prepare(excerpt, drawn).audio
            samples = round(wanted_s * self.sample_rate)
            return pad(changed, (0, samples - changed.shape[-1]))  # a sample more or less

        def other() -> Tensor:
            if song.reference is None:
                return prepared(self._read(path, other_s, length_s), song, other_s)
            like = song.reference
            like_s, heard = self._excerpt(like.path, like.duration_s, length_s, where)
            return prepared(heard, like, like_s)

        in_turn = CONDITIONS[index % len(CONDITIONS)] if self.cycle_conditions else None
        example = self.task(
            prepared(audio, song, start_s),
            other,
            dry=dry is not None,
            sample_rate=self.sample_rate,
            rng=task_rng,
            condition=in_turn if self.task.condition == "any" else None,
            rough=self._rough(song, start_s, length_s),
        )
        example = replace(example, genre=genre_index(song.genre), song_id=song.id)
        return augment.apply(example, drawn) if augment else example

    def _stems(
        self, song: Song, start_s: float, length_s: float
    ) -> dict[str, Callable[[], Tensor]]:
        """Name → reads that stem in the same place."""
        return {
            name: partial(self._read, path, start_s, length_s) for name, path in song.stems.items()
        }

    def _rough(self, song: Song, start_s: float, length_s: float) -> Tensor | None:
        """What the excerpt was made from, if the song has it."""
        if song.rough_path is None:
            return None
        return self._read(song.rough_path, start_s + song.rough_lag_s, length_s)

    def _excerpt(
        self, path: Path, duration_s: float, length_s: float, rng: np.random.Generator
    ) -> tuple[float, Tensor]:
        """Where the excerpt starts and its samples; near-silence is drawn again."""
        for draw in range(1, SILENT_DRAWS + 1):
            start_s = rng.uniform(0.0, max(0.0, duration_s - length_s))
            audio = self._read(path, start_s, length_s)
            power = audio.square().mean()
            if power >= QUIET_RMS**2 or (draw >= QUIET_DRAWS and power >= SILENT_RMS**2):
                return start_s, audio
        raise SongError(path, f"silent in each of {SILENT_DRAWS} places")

    def _read(self, path: Path, start_s: float, length_s: float) -> Tensor:
        return read_excerpt(path, start_s, length_s, self.sample_rate)


def other_start(
    start_s: float, duration_s: float, excerpt_s: float, rng: np.random.Generator
) -> float:
    """Start of a second excerpt that does not overlap the first, evenly over all such places.

    In a song too short for two it is as far away as possible.

    >>> other_start(1.0, 8.0, 5.0, np.random.default_rng(0))
    3.0
    """
    last = max(0.0, duration_s - excerpt_s)
    before = max(0.0, start_s - excerpt_s)  # room for starts in front of the first excerpt …
    after = max(0.0, last - (start_s + excerpt_s))  # … and behind it
    fits_before, fits_after = start_s >= excerpt_s, start_s + excerpt_s <= last
    if not fits_before and not fits_after:
        return last if last - start_s >= start_s else 0.0
    place = rng.uniform(0.0, before + after)
    if fits_before and (place < before or not fits_after):
        return place
    return start_s + excerpt_s + place - before


def excerpt_seconds(excerpt_s: float | str) -> float | None:
    """Seconds of an excerpt; None for "full", the whole song. ValueError if it is neither.

    >>> excerpt_seconds(4), excerpt_seconds("full")
    (4.0, None)
    """
    if excerpt_s == WHOLE:
        return None
    if isinstance(excerpt_s, str) or not 0 < excerpt_s < float("inf"):
        raise ValueError(f"excerpt must be seconds above 0, or {WHOLE}, got {excerpt_s}")
    return float(excerpt_s)


def genre_index(label: str | None) -> int:
    """Index into GENRES, whatever the spelling; −1 for another genre or none.

    >>> genre_index("Hip-Hop"), genre_index("polka"), genre_index(None)
    (5, -1, -1)
    """
    name = (label or "").strip().lower().replace("-", "_").replace(" ", "_")
    return GENRES.index(name) if name in GENRES else -1
