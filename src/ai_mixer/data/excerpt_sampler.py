"""Where in a song an example is heard, and what an augmentation makes of it before the task."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.audio.excerpt import SongError, read_excerpt
from ai_mixer.core.types import Example, Excerpt, Song

QUIET_RMS = 10.0 ** (-50.0 / 20.0)  # an excerpt below this is drawn again …
MAX_QUIET_DRAWS = 4  # … until there were so many: a quiet song is used as it is
SILENT_RMS = 10.0 ** (-90.0 / 20.0)  # below this there is nothing to mix: drawn again …
MAX_SILENT_DRAWS = 16  # … until the song counts as silent
FULL_SONG = "full"  # instead of seconds: the whole song


class Augment(Protocol):
    """What is changed in an example, before or after the task: first drawn, then applied."""

    def draw(self, rng: np.random.Generator) -> Any:
        """The parameters of one application."""
        ...

    def source_seconds(self, params: Any) -> float:
        """How many seconds of the song one second of the example needs."""
        ...

    def prepare(self, excerpt: Excerpt, params: Any) -> Excerpt:
        """The changed excerpt, before the task."""
        ...

    def apply(self, example: Example, params: Any) -> Example:
        """The changed example, after the task."""
        ...


class ExcerptSampler:
    """Reads the excerpts of one example: all as long, and all prepared by the same draw."""

    def __init__(
        self, sample_rate: int, excerpt_s: float, augment: Augment | None, rng: np.random.Generator
    ) -> None:
        self.sample_rate, self.excerpt_s, self.augment = sample_rate, excerpt_s, augment
        self.augment_params = augment.draw(rng) if augment else None
        self.length_s = excerpt_s * (
            augment.source_seconds(self.augment_params) if augment else 1.0
        )

    def random_excerpt(
        self, song: Song, path: Path, rng: np.random.Generator
    ) -> tuple[float, Tensor]:
        """A start by lot, near-silence drawn again, and what the task gets. path: of that song."""
        for draw in range(1, MAX_SILENT_DRAWS + 1):
            start_s = rng.uniform(0.0, max(0.0, song.duration_s - self.length_s))
            audio = self.read(path, start_s)
            power = audio.square().mean()
            if power >= QUIET_RMS**2 or (draw >= MAX_QUIET_DRAWS and power >= SILENT_RMS**2):
                return start_s, self._prepare(audio, song, start_s)
        raise SongError(path, f"silent in each of {MAX_SILENT_DRAWS} places")

    def excerpt_at(self, song: Song, path: Path, start_s: float) -> Tensor:
        """What the task gets from there: [2, T]."""
        return self._prepare(self.read(path, start_s), song, start_s)

    def read(self, path: Path, start_s: float) -> Tensor:
        """As it is in the file."""
        return read_excerpt(path, start_s, self.length_s, self.sample_rate)

    def _prepare(self, audio: Tensor, song: Song, start_s: float) -> Tensor:
        if self.augment is None:
            return audio
        stems: dict[str, Callable[[], Tensor]] = {
            name: partial(self.read, path, start_s) for name, path in song.stems.items()
        }
        changed = self.augment.prepare(
            Excerpt(audio, self.sample_rate, stems), self.augment_params
        ).audio
        samples = round(self.excerpt_s * self.sample_rate)
        return pad(changed, (0, samples - changed.shape[-1]))  # a sample more or less


def second_excerpt_start(
    start_s: float, duration_s: float, excerpt_s: float, rng: np.random.Generator
) -> float:
    """Start of a second excerpt that does not overlap the first, evenly over all such places.

    In a song too short for two it is as far away as possible.

    >>> second_excerpt_start(1.0, 8.0, 5.0, np.random.default_rng(0))
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
    if excerpt_s == FULL_SONG:
        return None
    if isinstance(excerpt_s, str) or not 0 < excerpt_s < float("inf"):
        raise ValueError(f"excerpt must be seconds above 0, or {FULL_SONG}, got {excerpt_s}")
    return float(excerpt_s)
