"""`true_knobs`: the settings that the rough was made from, the best that knobs can do."""

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem


class TrueKnobs(KnobSystem):
    """Where somebody's own rough is heard, nobody knows them."""

    uses_condition = False
    needs_true_knobs = True

    def predict(self, batch: Batch, condition: str) -> Prediction:
        """[B, P]"""
        return Prediction(batch.knobs)
