"""`model` and `compare_run`: trained models, evaluated as a user runs them."""

import torch
from torch import Tensor

from ai_mixer.core.types import Batch, Condition, KnobStages, Prediction
from ai_mixer.evaluation.baselines.system import ComparedSystem, KnobSystem, SystemOutput
from ai_mixer.inference.predictor import Predictor


class ModelSystem(KnobSystem):
    """A predictor at its own console, without refinement (see `RefinedModel`)."""

    def predict(self, batch: Batch, condition: Condition) -> Prediction:
        """Return the model's prediction, [B, P]."""
        return self.predictor.predict_batch(batch, condition)

    def stages(self, batch: Batch, condition: Condition) -> KnobStages:
        """Return the prediction, and the knobs that are applied: shrunk by their uncertainty."""
        prediction = self.predict(batch, condition)
        return KnobStages(prediction, self.predictor.apply(prediction))


class CrossConsoleSystem(ComparedSystem):
    """The model of another run, evaluated on the same excerpts.

    truth: the predictor whose console the true knobs belong to. If `system` has another console or
    other ranges, its settings are converted to positions of that console's knobs.
    """

    def __init__(self, system: KnobSystem, truth: Predictor) -> None:
        self.system, self.truth = system, truth
        self.conditions = system.conditions

    def mix(self, batch: Batch, condition: Condition) -> SystemOutput:
        """Render with the system's own console; convert its knobs."""
        audio, stages = self.system.mix(batch, condition)
        assert stages is not None
        return SystemOutput(audio, KnobStages(*map(self._convert, stages)))

    def predict(self, batch: Batch, condition: Condition) -> Prediction:
        """Return the prediction, converted to the knobs of `truth`."""
        return self._convert(self.system.predict(batch, condition))

    def _convert(self, prediction: Prediction) -> Prediction:
        knobs = convert_positions(self.system.predictor, self.truth, prediction.knobs)
        # An uncertainty holds for the range of its own knob only.
        uncertainty = prediction.uncertainty if knobs is prediction.knobs else None
        return Prediction(knobs, uncertainty)


def convert_positions(predictor: Predictor, other: Predictor, knobs: Tensor) -> Tensor:
    """Convert positions [B, P] of one predictor to positions of another's knobs.

    The physical settings are equal; knobs that the first console lacks are NaN. Values are not
    limited to 0–1: a setting outside the other's range is an error of that size.
    """
    if predictor.console.knobs == other.console.knobs:
        return knobs
    settings = predictor.console.settings(knobs)
    columns = [
        knob.to_position(torch.tensor([song.get(knob.name, torch.nan) for song in settings]))
        for knob in other.console.knobs
    ]
    return torch.stack(columns, dim=-1).to(knobs)
