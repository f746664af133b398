"""`mean_knobs`: the mean of the training targets; knob skill 0 by definition."""

from ai_mixer.core.types import Batch, Condition, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem


class MeanKnobs(KnobSystem):
    """The same settings for every song."""

    uses_condition = False

    def predict(self, batch: Batch, condition: Condition) -> Prediction:
        """Return the means, [B, P]; untrained knobs are at neutral."""
        means = self.predictor.mean_knobs.expand_as(batch.knobs)
        return Prediction(self.predictor.set_untrained_to_neutral(means))
