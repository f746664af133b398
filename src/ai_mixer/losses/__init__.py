"""Loss functions: one term per file, and their weighted sum."""

from ai_mixer.losses.objective import WeightedLoss
from ai_mixer.losses.term import LossTerm

__all__ = ["LossTerm", "WeightedLoss"]
