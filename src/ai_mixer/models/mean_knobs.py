"""Baseline that predicts the same knobs for every song.

With the knobs loss it learns the mean of each knob. A model that is not better than this has
learned nothing about songs. It trains in seconds.
"""

import torch
from torch import Tensor, nn


class MeanKnobs(nn.Module):
    """One trained position per knob, independent of the audio."""

    def __init__(self, n_knobs: int, sample_rate: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.full((n_knobs,), 0.5))

    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """[B, C, T], [B, C, T], [B] → [B, P] in 0–1."""
        return self.positions.clamp(0.0, 1.0).expand(rough.shape[0], -1)
