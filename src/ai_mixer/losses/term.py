"""What every loss term is: one number with a unit, zero when the fault it names is absent."""

from typing import ClassVar

from torch import Tensor, nn

from ai_mixer.core.types import Batch, Prediction


class LossTerm(nn.Module):
    """One fault, measured. `needs_mix` says whether the console must have rendered the knobs."""

    needs_mix: ClassVar[bool] = True

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """said: by the model; mix: [B, C, T] or None. Returns [], the mean over the batch."""
        raise NotImplementedError


def check_mix(mix: Tensor | None, batch: Batch) -> Tensor:
    """The mix, or a ValueError if it is missing or cannot be compared with `batch.finished`."""
    if mix is None:
        raise ValueError("this loss term listens to the mix, got None: render the knobs first")
    if mix.shape != batch.finished.shape:
        raise ValueError(
            f"mix {tuple(mix.shape)} and finished {tuple(batch.finished.shape)} differ in shape"
        )
    return mix
