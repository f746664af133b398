"""Learning-rate schedules the trainer steps once per batch."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def cosine(
    optimizer: Optimizer, total_steps: int, warmup: float = 0.05, final: float = 0.01
) -> LambdaLR:
    """Linear warm-up, then half a cosine (Loshchilov & Hutter, "SGDR", 2017, eq. 5, one cycle).

    warmup: share of `total_steps` spent rising; final: share of the peak rate left at the end.
    """
    rising = max(1, round(warmup * total_steps))

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        progress = min(1.0, (step - rising) / max(1, total_steps - rising))
        return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * progress))

    return LambdaLR(optimizer, factor)


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """The optimiser's own rate throughout."""
    return LambdaLR(optimizer, lambda step: 1.0)
