"""Random gain of single stems."""

import numpy as np
from torch import Tensor

from ai_mixer.augment.track_augment import TrackAugment


class StemGain(TrackAugment):
    """A gain of ±range_db, uniform: another balance, and with it other levels to learn."""

    def __init__(self, range_db: float = 3.0, *, probability: float = 0.5) -> None:
        super().__init__(probability)
        self.range_db = range_db

    def draw_parameters(self, rng: np.random.Generator) -> float:
        """Draw the gain in dB."""
        return float(rng.uniform(-self.range_db, self.range_db))

    def process(self, audio: Tensor, sample_rate: int, params: float) -> Tensor:
        """audio: [2, T]. Returns [2, T]."""
        return audio * 10.0 ** (params / 20.0)
