"""The floor: the same knobs for every song.

Under the knobs loss it learns each knob's mean; whatever does not beat it has learned nothing about
songs. A few numbers, no listening, trains in seconds.
"""

import torch
from torch import Tensor, nn


class MeanKnobs(nn.Module):
    """One learned position per knob, whatever is heard."""

    def __init__(self, n_knobs: int, sample_rate: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.full((n_knobs,), 0.5))

    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """[B, C, T], [B, C, T], [B] → [B, P] in 0–1."""
        return self.positions.clamp(0.0, 1.0).expand(rough.shape[0], -1)
