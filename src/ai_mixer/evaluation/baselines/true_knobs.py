"""`true_knobs`: the settings that the rough was made with, a bound for all knob predictions."""

from ai_mixer.core.types import Batch, Condition, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem


class TrueKnobs(KnobSystem):
    """The true settings; not available for before-and-after pairs."""

    uses_condition = False
    needs_true_knobs = True

    def predict(self, batch: Batch, condition: Condition) -> Prediction:
        """Return the true positions, [B, P]."""
        return Prediction(batch.knobs)
