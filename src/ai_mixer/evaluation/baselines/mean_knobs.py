"""`mean_knobs`: always the mean of the training targets; knob skill is measured from here."""

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem


class MeanKnobs(KnobSystem):
    """The same settings for every song."""

    uses_condition = False

    def predict(self, batch: Batch, condition: str) -> Prediction:
        """The means, [B, P]; knobs that were never trained at neutral."""
        means = self.predictor.mean_knobs.expand_as(batch.knobs)
        return Prediction(self.predictor.set_untrained_to_neutral(means))
