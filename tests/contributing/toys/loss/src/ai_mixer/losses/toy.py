"""A toy loss: the difference of levels."""

from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm, check_mix


class Toy(LossTerm):
    """Mean squared difference of the RMS levels; full scale = 1."""

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """mix: [B, C, T]. Returns []."""
        level, target = _rms(check_mix(mix, batch)), _rms(batch.finished)
        return (level - target).square().mean()


def _rms(x: Tensor) -> Tensor:
    return (x.square().mean((1, 2)) + 1e-12).sqrt()
