"""Loss on knob positions."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.core.types import GENRES, Batch, Prediction
from ai_mixer.losses.term import LossTerm

RUNNING_ERROR_DECAY = 0.98  # per batch
MIN_RUNNING_ERROR = 1e-4  # bounds the weight of knobs with small errors
HUBER_THRESHOLD = 0.1  # knob travel; the reversed Huber error is absolute below, squared above


def reversed_huber(error: Tensor) -> Tensor:
    """Reversed Huber error: |e| up to t and (e² + t²) / (2t) above, with t = HUBER_THRESHOLD.

    Smooth at t. Owen, "A robust hybrid of lasso and ridge regression", 2007. Small errors are
    minimised by the median, large ones (unpredictable knobs) by the mean.
    """
    size = error.abs()
    return torch.where(
        size <= HUBER_THRESHOLD,
        size,
        (size.square() + HUBER_THRESHOLD**2) / (2.0 * HUBER_THRESHOLD),
    )


ERROR_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "squared": torch.square,
    "absolute": torch.abs,
    "reversed_huber": reversed_huber,
}


class KnobLoss(LossTerm):
    """Mean error of the unmasked positions; 1: every knob at the wrong end.

    All unmasked knobs of the batch have the same weight, so a song with one of them has less weight
    than a song with ten. 0 if all are masked.

    error: "squared" is minimised by the conditional mean of a position; "absolute" by its median,
    as the mean absolute error of the evaluation, and its gradient does not vanish at small errors;
    "reversed_huber" is absolute for small errors and squared for large ones (`reversed_huber`).
    by_genre: exponent 0–1 of genre weighting. 0: equal weights; 1: errors are divided by the
    running error of the knob in the genre (Kendall, Gal & Cipolla, "Multi-task learning using
    uncertainty", CVPR 2018, eq. 5 with the variances at their optimum), so that unpredictable knobs
    do not dominate predictable ones. Running errors are updated in training; the weights of a batch
    have mean 1. ValueError for an unknown error or by_genre outside 0–1.
    """

    needs_mix: ClassVar[bool] = False
    usual: Tensor  # [G + 1, P] running errors; last row: unknown genre

    def __init__(self, error: str = "squared", by_genre: float = 0.0) -> None:
        super().__init__()
        if error not in ERROR_FUNCTIONS:
            raise ValueError(f"error must be one of {', '.join(ERROR_FUNCTIONS)}, got {error}")
        if not 0.0 <= by_genre <= 1.0:
            raise ValueError(f"by_genre must be in 0–1, got {by_genre}")
        self.error, self.by_genre = ERROR_FUNCTIONS[error], by_genre
        self.register_buffer("usual", torch.empty(0), persistent=False)

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """Knobs [B, P], 0–1. Returns [], in knob travel or its square."""
        # masked_fill: a masked position may be NaN.
        errors = self.error((prediction.knobs - batch.knobs).masked_fill(~batch.mask, 0.0))
        if self.by_genre > 0:
            errors = errors * self._weights(errors.detach(), batch)
        return errors.sum() / batch.mask.sum().clamp_min(1)

    def _weights(self, errors: Tensor, batch: Batch) -> Tensor:
        """Weights [B, P] with mean 1 over unmasked positions."""
        if torch.is_grad_enabled():
            self._update_running_errors(errors, batch)
        if not self.usual.numel():
            return torch.ones_like(errors)
        usual = self.usual.to(errors)[batch.genre].clamp_min(MIN_RUNNING_ERROR)
        weights = usual.pow(-self.by_genre)
        return weights / weights[batch.mask].mean()

    def _update_running_errors(self, errors: Tensor, batch: Batch) -> None:
        if not self.usual.numel():
            mean = errors[batch.mask].mean()
            self.usual = mean.expand(len(GENRES) + 1, errors.shape[1]).clone()
        rows = batch.genre.remainder(len(GENRES) + 1)  # −1, unknown genre: the last row
        for genre in set(rows.tolist()):
            selected = (rows == genre)[:, None] & batch.mask
            counts = selected.sum(0)
            mean = (errors * selected).sum(0) / counts.clamp_min(1)
            running = RUNNING_ERROR_DECAY * self.usual[genre] + (1.0 - RUNNING_ERROR_DECAY) * mean
            self.usual[genre] = torch.where(counts > 0, running, self.usual[genre])
