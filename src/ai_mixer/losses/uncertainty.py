"""How well a model knows how far off it is."""

from typing import ClassVar

from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm

MIN_ERROR = 1e-3  # knob travel


class UncertaintyLoss(LossTerm):
    """Divergence of the spread that was said from the error that was made, over what counts.

    |e|/s − 1 − log(|e|/s): the negative log-likelihood of e under a Laplace distribution of scale
    s, less that of the best s. On average it is least where s is the mean absolute error to be
    expected. The error itself is left as it is: only the spread learns from this term (Seitzer et
    al., "On the pitfalls of heteroscedastic uncertainty estimation", ICLR 2022, show what happens
    otherwise). Errors below 0.001 read as that. 0 if the model says no spread.
    """

    needs_mix: ClassVar[bool] = False

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """Knobs and spread [B, P]. Returns [], nats."""
        if prediction.uncertainty is None:
            return 0.0 * prediction.knobs.sum()
        error = (prediction.knobs.detach() - batch.knobs).abs()[batch.mask].clamp_min(MIN_ERROR)
        ratio = error / prediction.uncertainty[batch.mask]
        return (ratio - 1.0 - ratio.log()).sum() / max(ratio.numel(), 1)
