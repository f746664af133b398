"""What every system owes: a mix of a rough, under the conditions that it can answer."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from torch import Tensor

from ai_mixer.core.types import CONDITIONS, Batch, Prediction
from ai_mixer.inference.predictor import Predictor


class SystemOutput(NamedTuple):
    """A mix [B, C, T]; where knobs made it, those [B, P], and how far off they may be if known."""

    audio: Tensor
    knobs: Tensor | None = None
    uncertainty: Tensor | None = None


class ComparedSystem(ABC):
    """Somebody who mixes: the model, or what it has to beat.

    `mix` must not change the system: several excerpts are mixed at a time.
    """

    conditions: tuple[str, ...] = CONDITIONS  # under which it can answer
    uses_condition: ClassVar[bool] = True  # False: its answer is the same under every condition
    changes_level_only: ClassVar[bool] = (
        False  # the rough at another level: at equal loudness the same
    )
    needs_true_knobs: ClassVar[bool] = False  # no answer where nobody knows the true knobs
    max_excerpts: int | None = None  # costly: so many excerpts, evenly chosen

    def prepare(self) -> None:  # noqa: B027  # most have nothing to prepare
        """Once, before the first mix. ValueError or OSError if it cannot take part here."""

    @abstractmethod
    def mix(self, batch: Batch, condition: str) -> SystemOutput:
        """The answer to a batch under one of its `conditions`."""

    def predict(self, batch: Batch, condition: str) -> Prediction | None:
        """What it says of the knobs, with nothing rendered; None if it knows none."""
        return None


class KnobSystem(ComparedSystem):
    """A system that answers with knobs, played on the model's console."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @abstractmethod
    def predict(self, batch: Batch, condition: str) -> Prediction:
        """Positions [B, P] in 0–1, and how far off they may be if it knows."""

    def mix(self, batch: Batch, condition: str) -> SystemOutput:
        """What the console makes of the knobs."""
        prediction = self.predict(batch, condition)
        audio = self.predictor.console(batch.rough, batch.sample_rate, prediction.knobs)
        return SystemOutput(audio, prediction.knobs, prediction.uncertainty)


def conditioning_audio(batch: Batch, condition: str) -> Tensor | None:
    """What may be heard beside the rough [B, C, T]; None if nothing."""
    return {"blind": None, "reference": batch.reference, "paired": batch.finished}[condition]
