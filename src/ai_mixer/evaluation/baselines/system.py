"""Interface of the compared systems: a mix of a rough, under the supported conditions."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from torch import Tensor

from ai_mixer.core.types import CONDITIONS, Batch, Condition, KnobStages, Prediction
from ai_mixer.inference.predictor import Predictor


class SystemOutput(NamedTuple):
    """A mix [B, C, T], and its predicted and applied knobs; None if the system has none."""

    audio: Tensor
    stages: KnobStages | None = None


class ComparedSystem(ABC):
    """A model, baseline or bound.

    `mix` must not change the system: excerpts are mixed in parallel.
    """

    conditions: tuple[str, ...] = CONDITIONS
    """Supported conditions."""
    uses_condition: ClassVar[bool] = True
    """False: the output is the same under every condition."""
    changes_level_only: ClassVar[bool] = False
    """True: the output equals the rough up to a gain."""
    needs_true_knobs: ClassVar[bool] = False
    """True: not evaluated on songs whose true knobs are unknown."""
    max_excerpts: int | None = None
    """Evaluate on this many evenly spaced excerpts; None for all."""

    def prepare(self) -> None:  # noqa: B027  # most have nothing to prepare
        """Prepare before the first mix. ValueError or OSError if the system cannot run here."""

    @abstractmethod
    def mix(self, batch: Batch, condition: Condition) -> SystemOutput:
        """Mix a batch under one of the supported conditions."""

    def predict(self, batch: Batch, condition: Condition) -> Prediction | None:
        """Return the predicted knobs without rendering; None if the system has no knobs."""
        return None


class KnobSystem(ComparedSystem):
    """A system that predicts knobs; the predictor's console renders them."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @abstractmethod
    def predict(self, batch: Batch, condition: Condition) -> Prediction:
        """Return positions [B, P] in 0–1, with uncertainties if available."""

    def stages(self, batch: Batch, condition: Condition) -> KnobStages:
        """Return the predicted and the applied knobs; equal unless a subclass changes them."""
        prediction = self.predict(batch, condition)
        return KnobStages(prediction, prediction)

    def mix(self, batch: Batch, condition: Condition) -> SystemOutput:
        """Render the applied knobs."""
        stages = self.stages(batch, condition)
        audio = self.predictor.console(batch.rough, batch.sample_rate, stages.applied.knobs)
        return SystemOutput(audio, stages)


def conditioning_audio(batch: Batch, condition: Condition) -> Tensor | None:
    """Audio that a system gets besides the rough, [B, C, T]; None if blind."""
    return {"blind": None, "reference": batch.reference, "paired": batch.finished}[condition]
