"""Clipping: the recording hit full scale."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment


class Clipping(SingleVersionAugment):
    """The peaks are cut off, between low_db and high_db below the highest of them.

    Relative to the peak: a rough may lie anywhere. What stays below keeps its samples. Of a rough
    it disturbs the ratio: the compressor follows peaks, and these are gone.
    """

    def __init__(
        self,
        low_db: float = 0.5,
        high_db: float = 4.0,
        *,
        version: str = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = ("compressor_ratio",),
    ) -> None:
        super().__init__(version, probability, invalidates)
        self.low_db, self.high_db = low_db, high_db

    def draw_parameters(self, rng: np.random.Generator) -> float:
        """How far below the peak, in dB."""
        return float(rng.uniform(self.low_db, self.high_db))

    def process(self, audio: Tensor, sample_rate: int, params: float) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        ceiling = float(audio.abs().amax()) * 10.0 ** (-params / 20.0)
        return audio.clamp(-ceiling, ceiling)
