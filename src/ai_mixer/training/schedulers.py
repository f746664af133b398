"""Learning-rate schedules, stepped once per batch."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, LambdaLR, LinearLR, SequentialLR


def cosine(
    optimizer: Optimizer, total_steps: int, warmup: float = 0.05, final: float = 0.01
) -> LambdaLR:
    """Linear warm-up, then half a cosine (Loshchilov & Hutter, "SGDR", 2017, eq. 5, one cycle).

    warmup: share of `total_steps`; final: last learning rate as a share of the peak.
    """
    warmup_steps = max(1, round(warmup * total_steps))

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
        return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * progress))

    return LambdaLR(optimizer, factor)


def warm_restarts(
    optimizer: Optimizer,
    total_steps: int,
    cycles: int = 3,
    growth: int = 2,
    warmup: float = 0.05,
    final: float = 0.01,
) -> SequentialLR:
    """Linear warm-up, then `cycles` half cosines, each starting at the peak (SGDR, eq. 5).

    Each cycle is `growth` times as long as the one before; the last ends with the training. warmup:
    share of `total_steps`; final: learning rate at the end of a cycle as a share of the peak.
    ValueError if cycles or growth is below 1.
    """
    if cycles < 1 or growth < 1:
        raise ValueError(f"scheduler.cycles={cycles}, growth={growth}: both must be 1 or more")
    warmup_steps = max(1, round(warmup * total_steps))
    units = sum(growth**cycle for cycle in range(cycles))  # total length in first cycles
    # Rounded up: a restart in the last steps would end the training at the peak.
    first = max(1, math.ceil((total_steps - warmup_steps) / units))
    lowest = final * max(group["lr"] for group in optimizer.param_groups)
    rise = LinearLR(optimizer, 1.0 / warmup_steps, total_iters=warmup_steps - 1)
    fall = CosineAnnealingWarmRestarts(optimizer, first, growth, lowest)
    return SequentialLR(optimizer, [rise, fall], [warmup_steps])


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """Constant learning rate of the optimiser."""
    return LambdaLR(optimizer, lambda step: 1.0)
