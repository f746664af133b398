"""What all models share: they look at pictures and read statistics, then set the knobs.

A model of the family is a body: it turns pictures into features. The statistics of the excerpt go
beside it, so that a body only has to find what an analyser does not show.
"""

import torch
from torch import Tensor, nn

from ai_mixer.models.front_end import FrontEnd
from ai_mixer.models.statistics import StatisticsEncoder


class Listener(nn.Module):
    """[B, C, T] rough and reference → [B, P] knob positions, by way of `body` and `head`.

    features: width of what the statistics are encoded to. A subclass writes `body` and sets `head`.
    """

    head: nn.Module

    def __init__(self, front_end: FrontEnd, features: int, dropout: float) -> None:
        super().__init__()
        self.front_end = front_end
        self.statistics = StatisticsEncoder(front_end.n_statistics, features, dropout)

    def body(self, pictures: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, …] features. Any number of frames from 1."""
        raise NotImplementedError

    def decide(self, seen: Tensor, read: Tensor) -> Tensor:
        """What the body saw and the statistics say → [B, P]; here one head hears them together."""
        return self.head(torch.cat([seen, read], dim=-1))

    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """[B, C, T], [B, C, T], [B] → [B, P] in 0–1."""
        pictures, statistics = self.front_end(rough, reference, condition)
        return self.decide(self.body(pictures), self.statistics(statistics, condition))
