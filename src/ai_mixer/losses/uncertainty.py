"""Loss on the predicted uncertainty of knob positions."""

from typing import ClassVar

from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.losses.term import LossTerm

MIN_ERROR = 1e-3  # knob travel


class UncertaintyLoss(LossTerm):
    """Divergence of the predicted uncertainty s from the absolute error |e|, over unmasked knobs.

    |e|/s − 1 − log(|e|/s): the negative log-likelihood of e under a Laplace distribution of scale
    s, minus that of the optimal s. Its mean is minimal where s is the expected absolute error. Only
    the uncertainty receives a gradient, not the positions (see Seitzer et al., "On the pitfalls of
    heteroscedastic uncertainty estimation", ICLR 2022). Errors are at least 0.001. 0 if the model
    predicts no uncertainty.
    """

    needs_mix: ClassVar[bool] = False

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """Knobs and uncertainty [B, P]. Returns [], nats."""
        if prediction.uncertainty is None:
            return 0.0 * prediction.knobs.sum()
        error = (prediction.knobs.detach() - batch.knobs).abs()[batch.mask].clamp_min(MIN_ERROR)
        ratio = error / prediction.uncertainty[batch.mask]
        return (ratio - 1.0 - ratio.log()).sum() / max(ratio.numel(), 1)
