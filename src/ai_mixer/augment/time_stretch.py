"""Time stretch without change of pitch."""

import numpy as np
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.dsp.time_stretch import time_stretch


class TimeStretch(SingleVersionAugment):
    """Tempo within ±range_percent, by overlap-add of 35 ms grains. Finished version only."""

    def __init__(self, range_percent: float = 10.0, *, probability: float = 0.5) -> None:
        super().__init__("finished", probability)
        self.range_percent = range_percent

    def draw_parameters(self, rng: np.random.Generator) -> float:
        """Draw the relative tempo; above 1 is faster."""
        return 1.0 + float(rng.uniform(-self.range_percent, self.range_percent)) / 100.0

    def source_seconds(self, params: float | None) -> float:
        """Relative tempo, 1 if not applied."""
        return 1.0 if params is None else params

    def process(self, audio: Tensor, sample_rate: int, params: float) -> Tensor:
        """audio: [C, T]. Returns [C, T / tempo]."""
        return time_stretch(audio, params, sample_rate)
