"""Another recording in place of a stem, at the loudness of the stem."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ai_mixer.augment.track_augment import TrackAugment
from ai_mixer.core.stem_excerpt import StemExcerpt, TakeDraw
from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.loudness import loudness_lufs

QUIET_LUFS = -55.0  # a quieter stem is kept, and a quieter take not used


class Take(NamedTuple):
    """Which recording, and the gain in dB that gives it the loudness of the stem."""

    draw: TakeDraw
    gain_db: float


class AnotherTake(TrackAugment):
    """Replace a stem by another excerpt of its track, or a stem of its role of another song.

    same_track: probability of the former. The other song is one of the same split; a stem without a
    role has no counterpart there and is kept. The loudness (BS.1770) is that in the first excerpt;
    both excerpts have one gain.
    """

    needs_files = True

    def __init__(self, same_track: float = 0.5, *, probability: float = 0.5) -> None:
        super().__init__(probability)
        if not 0.0 <= same_track <= 1.0:
            raise ValueError(f"same_track must be 0–1, got {same_track}")
        self.same_track = same_track

    def draw_parameters(self, rng: np.random.Generator) -> TakeDraw:
        """Draw where the recording is from."""
        return TakeDraw(bool(rng.random() < self.same_track), int(rng.integers(2**62)))

    def measure(self, excerpt: StemExcerpt, drawn: list[TakeDraw | None]) -> list[Take | None]:
        """Find the gains; None where the stem or the take is silent, or there is no take."""
        measured: list[Take | None] = [None] * len(drawn)
        for n, stem in enumerate(excerpt.stems):
            draw = drawn[n]
            take = None if draw is None else excerpt.read_take(n, draw)
            if draw is None or take is None:
                continue
            wanted, own = loudness_lufs(torch.stack([stem, take]), excerpt.sample_rate).tolist()
            if min(wanted, own) > QUIET_LUFS:
                measured[n] = Take(draw, wanted - own)
        return measured

    def prepare(self, excerpt: StemExcerpt, params: list[Take | None]) -> StemExcerpt:
        """Read the recordings and put them in place of the stems."""
        stems: Tensor | None = None
        for n in range(len(excerpt.stems)):
            own = params[n]
            take = None if own is None else excerpt.read_take(n, own.draw)
            if own is None or take is None:
                continue
            stems = excerpt.stems.clone() if stems is None else stems
            stems[n] = take * db_to_ratio(torch.tensor(own.gain_db)).to(take)
        return excerpt if stems is None else excerpt._replace(stems=stems)
