"""Random gain."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Version


class Level(SingleVersionAugment):
    """One gain, uniform between low_db and high_db.

    On a rough it invalidates both gains and the ratio: the gain that compensates it may be outside
    the knob's range, and the compressor's threshold is a level.
    """

    def __init__(
        self,
        low_db: float = -12.0,
        high_db: float = 12.0,
        *,
        version: Version = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = ("input_gain", "compressor_ratio", "output_level"),
    ) -> None:
        super().__init__(version, probability, invalidates)
        self.low_db, self.high_db = low_db, high_db

    def draw_parameters(self, rng: np.random.Generator) -> float:
        """Draw the gain in dB."""
        return float(rng.uniform(self.low_db, self.high_db))

    def process(self, audio: Tensor, sample_rate: int, params: float) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        return audio * 10.0 ** (params / 20.0)
