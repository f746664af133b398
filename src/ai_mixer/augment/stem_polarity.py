"""Polarity inversion of single stems."""

import numpy as np
from torch import Tensor

from ai_mixer.augment.track_augment import TrackAugment


class StemPolarity(TrackAugment):
    """x → −x. Inaudible in a stem alone; what stems have in common adds up in another way."""

    def draw_parameters(self, rng: np.random.Generator) -> bool:
        """Inverted."""
        return True

    def process(self, audio: Tensor, sample_rate: int, params: bool) -> Tensor:
        """audio: [2, T]. Returns [2, T]."""
        return -audio if params else audio
