"""`refined`: the model's prediction, refined through the console at test time."""

from ai_mixer.core.types import Batch, Condition, KnobStages, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem, conditioning_audio
from ai_mixer.inference.refinement import RefinementAudio
from ai_mixer.models.feature_model import FeatureModel


class RefinedModel(KnobSystem):
    """A predictor with test-time refinement towards the conditioning audio.

    Its prediction is the model's one after refinement. Its applied knobs are those of
    `Predictor.apply` with this refinement: under `reference` they are shrunk first.
    """

    conditions = ("reference", "paired")

    def prepare(self) -> None:
        """ValueError if the model predicts no uncertainty."""
        if not isinstance(self.predictor.model, FeatureModel):
            name = type(self.predictor.model).__name__
            raise ValueError(f"{name} predicts no uncertainty, which refinement needs")

    def predict(self, batch: Batch, condition: Condition) -> Prediction:
        """Return the refined prediction, [B, P]."""
        prediction = self.predictor.predict_batch(batch, condition)
        return self.predictor.refine(prediction, *_refinement_audio(batch, condition))

    def stages(self, batch: Batch, condition: Condition) -> KnobStages:
        """Return the refined prediction, and the knobs that are applied."""
        prediction = self.predictor.predict_batch(batch, condition)
        audio = _refinement_audio(batch, condition)
        refined = self.predictor.refine(prediction, *audio)
        applied = refined if condition == "paired" else self.predictor.apply(prediction, audio)
        return KnobStages(refined, applied)


def _refinement_audio(batch: Batch, condition: Condition) -> RefinementAudio:
    target = conditioning_audio(batch, condition)
    assert target is not None
    return RefinementAudio(batch.rough, target, condition, batch.sample_rate)
