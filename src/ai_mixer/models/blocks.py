"""Convolutional blocks over spectrograms [B, width, mels, frames]."""

from itertools import pairwise

import torch
from torch import Tensor, nn

GROUPS = 8  # of channels, for group normalisation


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut; halves both axes (He et al., CVPR 2016, fig. 5).

    Channels are weighted by their mean over the spectrogram ("squeeze and excitation", Hu et al.,
    CVPR 2018, section 3), because a knob causes the same difference everywhere. width_in,
    width_out: multiples of 8. dropout: probability of dropping a whole channel.
    """

    def __init__(self, width_in: int, width_out: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.GroupNorm(GROUPS, width_in),
            nn.GELU(),
            nn.Conv2d(width_in, width_out, 3, stride=2, padding=1),
            nn.GroupNorm(GROUPS, width_out),
            nn.GELU(),
            nn.Dropout2d(dropout),
            nn.Conv2d(width_out, width_out, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(width_in, width_out, 1)
        self.weigh = nn.Sequential(
            nn.Linear(width_out, width_out // 4),
            nn.GELU(),
            nn.Linear(width_out // 4, width_out),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, width_in, M, N] → [B, width_out, ⌈M/2⌉, ⌈N/2⌉]."""
        residual = self.branch(x)
        residual = residual * self.weigh(residual.mean((-2, -1)))[..., None, None]
        return self.shortcut(nn.functional.avg_pool2d(x, 2, ceil_mode=True)) + residual


def tower(widths: list[int], dropout: float) -> nn.Sequential:
    """A strided convolution from widths[0] to widths[1], then a residual block per further width.

    Each of them halves both axes.
    """
    first = nn.Conv2d(widths[0], widths[1], 3, stride=2, padding=1)
    blocks = (ResidualBlock(a, b, dropout) for a, b in pairwise(widths[1:]))
    return nn.Sequential(first, *blocks)


def mean_and_peak(x: Tensor) -> Tensor:
    """Mean and maximum of each channel: [B, width, M, N] → [B, 2 · width]."""
    return torch.cat([x.mean((-2, -1)), x.amax((-2, -1))], dim=-1)
