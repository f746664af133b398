"""`rough`: the unprocessed input."""

from ai_mixer.core.types import Batch, Condition
from ai_mixer.evaluation.baselines.system import ComparedSystem, SystemOutput


class Identity(ComparedSystem):
    """The rough without processing: closeness 0 by definition."""

    uses_condition = False
    changes_level_only = True

    def mix(self, batch: Batch, condition: Condition) -> SystemOutput:
        """Return the rough."""
        return SystemOutput(batch.rough)
