"""How far the level is off: a toy."""

from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm, check_mix


class Toy(LossTerm):
    """Mean squared difference of the RMS levels; full scale = 1. Deaf to all else."""

    def forward(self, said: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """mix: [B, C, T]. Returns []."""
        heard, wanted = _rms(check_mix(mix, batch)), _rms(batch.finished)
        return (heard - wanted).square().mean()


def _rms(x: Tensor) -> Tensor:
    return (x.square().mean((1, 2)) + 1e-12).sqrt()
