"""How far the knobs are from those that made the finished version."""

from typing import ClassVar

from torch import Tensor

from ai_mixer.losses.term import Term
from ai_mixer.types import Batch


class Knobs(Term):
    """Mean squared error of the positions that count; 1 = every knob at the wrong end.

    Every audible knob of the batch weighs the same, so a song with one audible knob weighs less
    than a song with ten. 0 if all are masked.
    """

    needs_mix: ClassVar[bool] = False

    def forward(self, knobs: Tensor, mix: Tensor | None, batch: Batch) -> Tensor:
        """knobs: [B, P], 0–1. Returns [], in squared knob travel."""
        error = (knobs - batch.knobs)[batch.mask]
        return error.square().sum() / max(error.numel(), 1)
