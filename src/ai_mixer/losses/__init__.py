"""What a mix is blamed for: one term per file, weighted into one objective."""

from ai_mixer.losses.objective import Objective
from ai_mixer.losses.term import Term

__all__ = ["Objective", "Term"]
