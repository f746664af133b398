"""How far the knobs are from those that made the finished version."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.core.types import GENRES, Batch, Prediction
from ai_mixer.losses.term import LossTerm

RUNNING_ERROR_DECAY = 0.98  # of the running errors, per batch
MIN_RUNNING_ERROR = 1e-4  # an error below it weighs no more
HUBER_THRESHOLD = 0.1  # knob travel; where the reversed Huber error turns from absolute to squared


def reversed_huber(error: Tensor) -> Tensor:
    """|e| up to BEND and (e² + BEND²) / (2 BEND) above, smooth where they meet.

    Owen, "A robust hybrid of lasso and ridge regression", 2007. Small errors shrink as if
    absolute, to the median; where a knob is a guess, they pull to the mean as squared ones do.
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
    """Mean error of the positions that count; 1 = every knob at the wrong end.

    Every audible knob of the batch weighs the same, so a song with one audible knob weighs less
    than a song with ten. 0 if all are masked.

    error: "squared" is least at the mean of what a knob may be, "absolute" at its median, which is
    what a mean absolute error asks for, and it goes on pulling where an error is small already;
    "reversed_huber" is absolute for small errors and squared for large ones (`reversed_huber`).
    by_genre: from 0, all errors weigh the same, to 1, an error weighs by the inverse of what is
    usual for its knob in its genre (Kendall, Gal & Cipolla, "Multi-task learning using
    uncertainty", CVPR 2018, eq. 5 with the variances at their optimum): what can be learned of a
    knob in a genre is not drowned by what cannot. Learned from the batches it is trained on; the
    weights of a batch average 1. ValueError outside 0–1, or for an error of another name.
    """

    needs_mix: ClassVar[bool] = False
    usual: Tensor  # [G + 1, P] running errors; the last row is for no known genre

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
        # A position that counts for nothing may be anything, NaN included.
        errors = self.error((prediction.knobs - batch.knobs).masked_fill(~batch.mask, 0.0))
        if self.by_genre > 0:
            errors = errors * self._weights(errors.detach(), batch)
        return errors.sum() / batch.mask.sum().clamp_min(1)

    def _weights(self, errors: Tensor, batch: Batch) -> Tensor:
        """[B, P], mean 1 over what counts."""
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
        rows = batch.genre.remainder(len(GENRES) + 1)  # −1, no known genre: the last
        for genre in set(rows.tolist()):
            here = (rows == genre)[:, None] & batch.mask
            counts = here.sum(0)
            mean = (errors * here).sum(0) / counts.clamp_min(1)
            moved = RUNNING_ERROR_DECAY * self.usual[genre] + (1.0 - RUNNING_ERROR_DECAY) * mean
            self.usual[genre] = torch.where(counts > 0, moved, self.usual[genre])
