"""A small perceptron over the statistics of an excerpt: what one reads off an analyser."""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS


class StatisticsEncoder(nn.Module):
    """Statistics [B, S] and condition [B] → features [B, width].

    Each condition reads the analyser with weights of its own: what matters with both versions at
    hand (the measured response) is not what matters with one, and shared weights blur both.
    """

    def __init__(self, n_statistics: int, width: int, dropout: float) -> None:
        super().__init__()
        self.readers = nn.ModuleList(nn.Linear(n_statistics, width) for _ in CONDITIONS)
        self.rest = nn.Sequential(
            nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width)
        )

    def forward(self, statistics: Tensor, condition: Tensor) -> Tensor:
        """What the statistics say, given what may be heard."""
        readings = torch.stack([reader(statistics) for reader in self.readers], dim=1)
        linear = readings[torch.arange(len(condition), device=condition.device), condition]
        return linear + self.rest(linear)
