"""Encoder of the statistics of an excerpt: a small perceptron."""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS


class StatisticsEncoder(nn.Module):
    """Statistics [B, S] and condition [B] → features [B, width].

    The first layer has separate weights per condition: with both versions the system response
    matters most, with one version other statistics do.
    """

    def __init__(self, n_statistics: int, width: int, dropout: float) -> None:
        super().__init__()
        self.readers = nn.ModuleList(nn.Linear(n_statistics, width) for _ in CONDITIONS)
        self.rest = nn.Sequential(
            nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width)
        )

    def forward(self, statistics: Tensor, condition: Tensor) -> Tensor:
        """[B, S], [B] → [B, width]."""
        projected = torch.stack([reader(statistics) for reader in self.readers], dim=1)
        linear = projected[torch.arange(len(condition), device=condition.device), condition]
        return linear + self.rest(linear)
