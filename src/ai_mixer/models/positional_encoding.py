"""Positional encoding along time, for attention."""

import torch
from torch import Tensor


def time_positional_encoding(grid: Tensor) -> Tensor:
    """Sinusoids over the last axis of `grid` (Vaswani et al., 2017, section 3.5).

    grid: [B, width, bands, steps], width even. Returns [width, 1, steps], to be added to it.
    """
    width, steps = grid.shape[1], grid.shape[-1]
    rate = torch.exp(torch.arange(0, width, 2, device=grid.device) * (-9.2 / width))
    angle = rate[:, None] * torch.arange(steps, device=grid.device)
    return 0.1 * torch.cat([angle.sin(), angle.cos()])[:, None].to(grid.dtype)
