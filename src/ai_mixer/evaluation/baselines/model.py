"""`model` and its guests, `champion` among them: a trained mixer, asked as a user asks it."""

import torch
from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.evaluation.baselines.system import ComparedSystem, KnobSystem, SystemOutput
from ai_mixer.inference.predictor import Predictor


class ModelSystem(KnobSystem):
    """A mixer at its own console: judged by what it says, heard as it mixes."""

    def predict(self, batch: Batch, condition: str) -> Prediction:
        """As the model says it: [B, P]"""
        return self.predictor.predict_batch(batch, condition)

    def mix(self, batch: Batch, condition: str) -> SystemOutput:
        """The mix a musician gets, held back where the model is unsure; and what it said."""
        prediction = self.predict(batch, condition)
        applied = self.predictor.shrink(prediction).knobs
        audio = self.predictor.console(batch.rough, batch.sample_rate, applied)
        return SystemOutput(audio, prediction.knobs, prediction.uncertainty)


class CrossConsoleSystem(ComparedSystem):
    """Another run's mixer on the same excerpts: an answer to whether a new model is better.

    judge: the mixer whose knobs are the truth's. If the guest plays another console or other
    ranges, its settings are read on the judge's knobs.
    """

    def __init__(self, system: KnobSystem, truth: Predictor) -> None:
        self.system, self.truth = system, truth
        self.conditions = system.conditions

    def mix(self, batch: Batch, condition: str) -> SystemOutput:
        """What its console makes of its knobs."""
        audio, knobs, uncertainty = self.system.mix(batch, condition)
        assert knobs is not None
        read = self._convert(Prediction(knobs, uncertainty))
        return SystemOutput(audio, read.knobs, read.uncertainty)

    def predict(self, batch: Batch, condition: str) -> Prediction:
        """What it says, read on the judge's knobs."""
        return self._convert(self.system.predict(batch, condition))

    def _convert(self, prediction: Prediction) -> Prediction:
        knobs = convert_positions(self.system.predictor, self.truth, prediction.knobs)
        uncertainty = (
            prediction.uncertainty if knobs is prediction.knobs else None
        )  # it is of no other travel
        return Prediction(knobs, uncertainty)


def convert_positions(predictor: Predictor, other: Predictor, knobs: Tensor) -> Tensor:
    """A mixer's positions [B, P] read on another's knobs: the same settings, NaN for what it lacks.

    Not limited to 0–1: a setting beyond the other's ends is an error that large.
    """
    if predictor.console.knobs == other.console.knobs:
        return knobs
    settings = predictor.console.settings(knobs)
    columns = [
        knob.to_position(torch.tensor([song.get(knob.name, torch.nan) for song in settings]))
        for knob in other.console.knobs
    ]
    return torch.stack(columns, dim=-1).to(knobs)
