"""Base class of loss terms."""

from typing import ClassVar

from torch import Tensor, nn

from ai_mixer.core.types import Batch, Prediction


class LossTerm(nn.Module):
    """One error with a unit, 0 at equality. needs_mix: whether it needs the rendered mix."""

    needs_mix: ClassVar[bool] = True

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """prediction: of the model. mix: [B, C, T] or None. Returns [], the mean over the batch."""
        raise NotImplementedError


def check_mix(mix: Tensor | None, batch: Batch) -> Tensor:
    """Return the mix; ValueError if it is None or differs in shape from `batch.finished`."""
    if mix is None:
        raise ValueError("this loss term needs the mix, got None: render the knobs first")
    if mix.shape != batch.finished.shape:
        raise ValueError(
            f"mix {tuple(mix.shape)} and finished {tuple(batch.finished.shape)} differ in shape"
        )
    return mix
