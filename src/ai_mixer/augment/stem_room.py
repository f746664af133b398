"""A short room on single stems, as of a recording at some distance."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ai_mixer.augment.track_augment import TrackAugment
from ai_mixer.effects.reverb import Reverb

ROOMS = (
    Reverb(decay_s=0.2, predelay_ms=1.0, damping_hz=5000.0, low_cut_hz=150.0, seed=21),
    Reverb(decay_s=0.3, predelay_ms=3.0, damping_hz=3500.0, low_cut_hz=150.0, seed=22),
    Reverb(decay_s=0.45, predelay_ms=5.0, damping_hz=5000.0, low_cut_hz=120.0, seed=23),
    Reverb(decay_s=0.6, predelay_ms=8.0, damping_hz=3000.0, low_cut_hz=120.0, seed=24),
)
"""A few rooms, so that their responses are computed once."""


class RoomParameters(NamedTuple):
    """Index into ROOMS, and the share of the room, 0–1."""

    room: int
    wet: float


class StemRoom(TrackAugment):
    """The console's reverb with a decay of 0.2 to 0.6 s; wet: range of the share of the room.

    The room is that of one microphone: the same for both channels, so that a mono stem stays mono
    and keeps its pan.
    """

    def __init__(self, wet: tuple[float, float] = (0.05, 0.3), *, probability: float = 0.5) -> None:
        super().__init__(probability)
        low, high = wet
        if not 0.0 <= low <= high <= 1.0:
            raise ValueError(f"wet must be in 0–1, got {low} to {high}")
        self.wet = (low, high)

    def draw_parameters(self, rng: np.random.Generator) -> RoomParameters:
        """Draw a room and its share."""
        return RoomParameters(int(rng.integers(len(ROOMS))), float(rng.uniform(*self.wet)))

    @torch.no_grad()
    def process(self, audio: Tensor, sample_rate: int, params: RoomParameters) -> Tensor:
        """audio: [2, T]. Returns [2, T]; without the room of what was before the excerpt."""
        wet = torch.full((len(audio),), params.wet).to(audio)
        return ROOMS[params.room](audio[:, None], sample_rate, wet=wet)[:, 0]
