"""A small perceptron over the statistics of an excerpt: what one reads off an analyser."""

import torch
from torch import Tensor, nn

from ai_mixer.types import CONDITIONS


class StatisticsEncoder(nn.Module):
    """Statistics [B, S] and condition [B] → features [B, width]."""

    def __init__(self, n_statistics: int, width: int, dropout: float) -> None:
        super().__init__()
        self.condition = nn.Embedding(len(CONDITIONS), width)
        self.first = nn.Linear(n_statistics, width)
        self.rest = nn.Sequential(
            nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width)
        )

    def forward(self, statistics: Tensor, condition: Tensor) -> Tensor:
        """What the statistics say, given what may be heard."""
        linear: Tensor = self.first(statistics) + self.condition(condition)
        deep: Tensor = self.rest(linear)
        return torch.add(linear, deep)
