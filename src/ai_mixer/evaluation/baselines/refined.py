"""`refined`: the model's prediction, refined through the console at test time."""

from ai_mixer.core.types import Batch, Condition, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem, SystemOutput, conditioning_audio
from ai_mixer.models.feature_model import FeatureModel


class RefinedModel(KnobSystem):
    """A predictor with test-time refinement towards the conditioning audio.

    Knobs are evaluated as predicted and refined. Audio is rendered after shrinkage and refinement;
    under `paired` there is no shrinkage, as the target is the finished version itself.
    """

    conditions = ("reference", "paired")

    def prepare(self) -> None:
        """ValueError if the model predicts no uncertainty."""
        if not isinstance(self.predictor.model, FeatureModel):
            name = type(self.predictor.model).__name__
            raise ValueError(f"{name} predicts no uncertainty, which refinement needs")

    def predict(self, batch: Batch, condition: Condition) -> Prediction:
        """Return the refined prediction, [B, P]."""
        return self._refine(self.predictor.predict_batch(batch, condition), batch, condition)

    def mix(self, batch: Batch, condition: Condition) -> SystemOutput:
        """Return the mix as a user gets it, and the knobs that are evaluated."""
        prediction = self.predictor.predict_batch(batch, condition)
        refined = applied = self._refine(prediction, batch, condition)
        if condition == "reference":
            applied = self._refine(self.predictor.shrink(prediction), batch, condition)
        audio = self.predictor.console(batch.rough, batch.sample_rate, applied.knobs)
        return SystemOutput(audio, refined.knobs, refined.uncertainty)

    def _refine(self, prediction: Prediction, batch: Batch, condition: Condition) -> Prediction:
        target = conditioning_audio(batch, condition)
        assert target is not None
        return self.predictor.refine(prediction, batch.rough, target, condition, batch.sample_rate)
