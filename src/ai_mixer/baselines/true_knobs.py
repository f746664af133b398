"""`true_knobs`: the settings that the rough was made from, the best that knobs can do."""

from torch import Tensor

from ai_mixer.baselines.system import KnobSystem
from ai_mixer.types import Batch


class TrueKnobs(KnobSystem):
    """Where somebody's own rough is heard, nobody knows them."""

    listens = False
    needs_knobs = True

    def knobs(self, batch: Batch, condition: str) -> Tensor:
        """[B, P]"""
        return batch.knobs
