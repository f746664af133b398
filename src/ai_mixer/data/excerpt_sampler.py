"""Random excerpts of songs, changed by an augmentation before the task."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.core.types import Example, Excerpt, Song

QUIET_RMS = 10.0 ** (-50.0 / 20.0)  # a quieter excerpt is rejected …
MAX_QUIET_DRAWS = 4  # … for at most so many draws, so that quiet songs are used
SILENT_RMS = 10.0 ** (-90.0 / 20.0)  # a silent excerpt is rejected …
MAX_SILENT_DRAWS = 16  # … until so many draws: then the song counts as silent
FULL_SONG = "full"  # instead of seconds: the whole song


class Augment(Protocol):
    """Interface of augmentations, see `augment.augment.Augment`."""

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw the parameters of one application."""
        ...

    def source_seconds(self, params: Any) -> float:
        """Seconds of the song needed for one second of the example."""
        ...

    def prepare(self, excerpt: Excerpt, params: Any) -> Excerpt:
        """Return the changed excerpt, before the task."""
        ...

    def apply(self, example: Example, params: Any) -> Example:
        """Return the changed example, after the task."""
        ...


class ExcerptSampler:
    """Reads the excerpts of one example: of equal length, augmented with the same parameters."""

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
        """Draw an excerpt that is not silent from `path`, a file of the song.

        Returns its start in seconds and the augmented audio, [2, T]. SongError if the song is
        silent.
        """
        for draw in range(1, MAX_SILENT_DRAWS + 1):
            start_s = rng.uniform(0.0, max(0.0, song.duration_s - self.length_s))
            audio = self.read(path, start_s)
            power = audio.square().mean()
            if power >= QUIET_RMS**2 or (draw >= MAX_QUIET_DRAWS and power >= SILENT_RMS**2):
                return start_s, self._prepare(audio, song, start_s)
        raise SongError(path, f"silent in each of {MAX_SILENT_DRAWS} excerpts")

    def excerpt_at(self, song: Song, path: Path, start_s: float) -> Tensor:
        """Read and augment the excerpt at `start_s`: [2, T]."""
        return self._prepare(self.read(path, start_s), song, start_s)

    def read(self, path: Path, start_s: float) -> Tensor:
        """Read the excerpt at `start_s` without augmentation."""
        return read_excerpt(path, start_s, self.length_s, self.sample_rate)

    def _prepare(self, audio: Tensor, song: Song, start_s: float) -> Tensor:
        if self.augment is None:
            return audio
        stems: dict[str, Callable[[], Tensor]] = {
            name: partial(self.read, path, start_s) for name, path in song.stems.items()
        }
        excerpt = Excerpt(audio, self.sample_rate, stems)
        changed = self.augment.prepare(excerpt, self.augment_params).audio
        samples = round(self.excerpt_s * self.sample_rate)
        return pad(changed, (0, samples - changed.shape[-1]))  # may crop: lengths are rounded


def second_excerpt_start(
    start_s: float, duration_s: float, excerpt_s: float, rng: np.random.Generator
) -> float:
    """Start in seconds of a second excerpt that does not overlap the first, uniformly distributed.

    If the song is too short for two excerpts, the start is as far from the first as possible.

    >>> second_excerpt_start(1.0, 8.0, 5.0, np.random.default_rng(0))
    3.0
    """
    last = max(0.0, duration_s - excerpt_s)
    before = max(0.0, start_s - excerpt_s)  # range of starts before the first excerpt …
    after = max(0.0, last - (start_s + excerpt_s))  # … and after it
    fits_before, fits_after = start_s >= excerpt_s, start_s + excerpt_s <= last
    if not fits_before and not fits_after:
        return last if last - start_s >= start_s else 0.0
    position = rng.uniform(0.0, before + after)
    if fits_before and (position < before or not fits_after):
        return position
    return start_s + excerpt_s + position - before


def excerpt_seconds(excerpt_s: float | str) -> float | None:
    """Parse an excerpt length: seconds, or None for "full". ValueError for anything else.

    >>> excerpt_seconds(4), excerpt_seconds("full")
    (4.0, None)
    """
    if excerpt_s == FULL_SONG:
        return None
    if isinstance(excerpt_s, str) or not 0 < excerpt_s < float("inf"):
        raise ValueError(f"excerpt must be seconds above 0, or {FULL_SONG}: got {excerpt_s}")
    return float(excerpt_s)
