"""Records of an evaluation: one row per excerpt, condition and system."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import Batch, Condition, KnobStages, Prediction, Song
from ai_mixer.metrics.coverage import inside_interval
from ai_mixer.metrics.knob_skill import knob_errors
from ai_mixer.metrics.tables import APPLIED_PREFIX

MetricValues = dict[str, Tensor]
"""Metrics of one system: name → [B]."""


def knob_metrics(console: Console, prediction: Prediction, batch: Batch) -> MetricValues:
    """Protocol K: knob errors, and if uncertainties are predicted, the interval's coverage."""
    measured = knob_errors(console.knobs, prediction.knobs, batch.knobs, batch.mask)
    if prediction.uncertainty is not None:
        measured |= inside_interval(
            console.names, prediction.knobs, prediction.uncertainty, batch.knobs, batch.mask
        )
    return measured


def stage_metrics(console: Console, stages: KnobStages, batch: Batch) -> MetricValues:
    """Protocol K of both stages: `knob_metrics` of the predicted knobs, errors of the applied ones.

    `error/<knob>` is that of the predicted knobs, `applied_error/<knob>` that of the applied ones.
    """
    applied = knob_errors(console.knobs, stages.applied.knobs, batch.knobs, batch.mask)
    return knob_metrics(console, stages.predicted, batch) | {
        f"{APPLIED_PREFIX}{name}": error for name, error in applied.items()
    }


def build_record(
    songs: Mapping[str, Song], batch: Batch, condition: Condition, name: str, measured: MetricValues
) -> dict[str, Any]:
    """Return one row: the metrics of system `name` on a batch of one excerpt."""
    song = songs[batch.song_id[0]]
    return {
        "song_id": song.song,  # several recordings of one song count as one
        "genre": song.genre or "unknown",
        "condition": condition,
        "system": name,
        **{name: float(values[0]) for name, values in measured.items()},
    }
