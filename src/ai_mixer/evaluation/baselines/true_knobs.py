"""`true_knobs`: the settings that the rough was made from, the best that knobs can do."""

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem


class TrueKnobs(KnobSystem):
    """Where somebody's own rough is heard, nobody knows them."""

    listens = False
    needs_knobs = True

    def say(self, batch: Batch, condition: str) -> Prediction:
        """[B, P]"""
        return Prediction(batch.knobs)
