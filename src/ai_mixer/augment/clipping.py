"""Hard clipping, as of an overloaded recording."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Version


class Clipping(SingleVersionAugment):
    """Clip the samples at a level between low_db and high_db below the peak.

    The level is relative to the peak, because roughs have any level. On a rough it invalidates
    compressor_ratio: the compressor responds to peaks, and these are gone.
    """

    def __init__(
        self,
        low_db: float = 0.5,
        high_db: float = 4.0,
        *,
        version: Version = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = ("compressor_ratio",),
    ) -> None:
        super().__init__(version, probability, invalidates)
        self.low_db, self.high_db = low_db, high_db

    def draw_parameters(self, rng: np.random.Generator) -> float:
        """Draw the clipping level in dB below the peak."""
        return float(rng.uniform(self.low_db, self.high_db))

    def process(self, audio: Tensor, sample_rate: int, params: float) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        ceiling = float(audio.abs().amax()) * 10.0 ** (-params / 20.0)
        return audio.clamp(-ceiling, ceiling)
