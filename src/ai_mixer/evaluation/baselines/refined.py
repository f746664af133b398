"""`refined`: the model's answer, refined through the console by what was given."""

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem, SystemOutput, conditioning_audio
from ai_mixer.models.feature_model import FeatureModel


class RefinedModel(KnobSystem):
    """Judged by what it says, refined; heard as it mixes: held back, then refined.

    With the finished version of the very excerpt nothing has to be held back.
    """

    conditions = ("reference", "paired")

    def prepare(self) -> None:
        """ValueError if the model says nothing of its doubts."""
        if not isinstance(self.predictor.model, FeatureModel):
            raise ValueError(
                f"{type(self.predictor.model).__name__} says no spread to refine within"
            )

    def predict(self, batch: Batch, condition: str) -> Prediction:
        """What the model says, refined: [B, P]"""
        return self._refine(self.predictor.predict_batch(batch, condition), batch, condition)

    def mix(self, batch: Batch, condition: str) -> SystemOutput:
        """The mix a musician gets, and the knobs it is judged by."""
        prediction = self.predictor.predict_batch(batch, condition)
        found = applied = self._refine(prediction, batch, condition)
        if condition == "reference":
            applied = self._refine(self.predictor.shrink(prediction), batch, condition)
        audio = self.predictor.console(batch.rough, batch.sample_rate, applied.knobs)
        return SystemOutput(audio, found.knobs, found.uncertainty)

    def _refine(self, prediction: Prediction, batch: Batch, condition: str) -> Prediction:
        given = conditioning_audio(batch, condition)
        assert given is not None
        return self.predictor.refine(prediction, batch.rough, given, condition, batch.sample_rate)
