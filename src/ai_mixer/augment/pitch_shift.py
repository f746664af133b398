"""Pitch shift: the pitch changes, the tempo does not."""

import numpy as np
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.augment.speed import frequency_ratio
from ai_mixer.dsp.resample import resample
from ai_mixer.dsp.time_stretch import time_stretch


class PitchShift(SingleVersionAugment):
    """Within ±range_cents: another speed, then the tempo put right. Of the finished side only."""

    def __init__(self, range_cents: float = 200.0, *, probability: float = 0.5) -> None:
        super().__init__("finished", probability)
        self.range_cents = range_cents

    def draw_parameters(self, rng: np.random.Generator) -> tuple[int, int]:
        """The ratio of frequencies a : b, above 1 = higher."""
        return frequency_ratio(rng.uniform(-self.range_cents, self.range_cents))

    def process(self, audio: Tensor, sample_rate: int, params: tuple[int, int]) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        up, down = params
        return time_stretch(resample(audio, up, down), down / up, sample_rate, audio.shape[-1])
