"""What a mix is blamed for: one term per file, weighted into one objective."""

from ai_mixer.losses.objective import WeightedLoss
from ai_mixer.losses.term import LossTerm

__all__ = ["LossTerm", "WeightedLoss"]
