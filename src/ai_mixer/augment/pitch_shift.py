"""Pitch shift without change of tempo."""

import numpy as np
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.augment.speed import frequency_ratio
from ai_mixer.dsp.resample import resample
from ai_mixer.dsp.time_stretch import time_stretch


class PitchShift(SingleVersionAugment):
    """Pitch shift within ±range_cents: resampling, then a time stretch to the original length.

    For the finished version only.
    """

    def __init__(self, range_cents: float = 200.0, *, probability: float = 0.5) -> None:
        super().__init__("finished", probability)
        self.range_cents = range_cents

    def draw_parameters(self, rng: np.random.Generator) -> tuple[int, int]:
        """Draw the frequency ratio a : b; above 1 is higher."""
        return frequency_ratio(rng.uniform(-self.range_cents, self.range_cents))

    def process(self, audio: Tensor, sample_rate: int, params: tuple[int, int]) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        up, down = params
        return time_stretch(resample(audio, up, down), down / up, sample_rate, audio.shape[-1])
