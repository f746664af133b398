"""Where in time a place is, so that attention can tell before from after."""

import torch
from torch import Tensor


def time_positional_encoding(grid: Tensor) -> Tensor:
    """Sinusoids over the last axis of [B, width, bands, steps] (Vaswani et al., 2017, section 3.5).

    As [width, 1, steps], to be added. Any number of steps; width: even.
    """
    width, steps = grid.shape[1], grid.shape[-1]
    rate = torch.exp(torch.arange(0, width, 2, device=grid.device) * (-9.2 / width))
    angle = rate[:, None] * torch.arange(steps, device=grid.device)
    return 0.1 * torch.cat([angle.sin(), angle.cos()])[:, None].to(grid.dtype)
