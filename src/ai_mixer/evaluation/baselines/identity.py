"""`rough`: do nothing."""

from ai_mixer.core.types import Batch
from ai_mixer.evaluation.baselines.system import ComparedSystem, SystemOutput


class Identity(ComparedSystem):
    """The rough as it is; every closeness is measured from here."""

    uses_condition = False
    changes_level_only = True

    def mix(self, batch: Batch, condition: str) -> SystemOutput:
        """The rough itself."""
        return SystemOutput(batch.rough)
