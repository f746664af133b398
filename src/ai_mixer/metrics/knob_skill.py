"""Protocol K: knob errors, and skill relative to a baseline.

Errors are shares of a knob's travel (0–1). One knob is derived, `total_gain`: without much
compression, the gains of a console (input gain and output level, make-up and level) are not
identifiable separately, only their sum in dB. Its error is |Δ dB| over their travels together.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ai_mixer.core.knob import Knob
from ai_mixer.core.units import gain_value_db, ratio_to_db

HEADLINE_KNOBS = (
    "total_gain",
    *("low_eq", "mid_eq", "high_eq", "presence", "stereo_width"),
    *("low_shelf_gain", "band1_gain", "band2_gain", "band3_gain", "band4_gain", "high_shelf_gain"),
    *("low_width", "high_width"),
    "compressor_ratio",
    *("low_band_ratio", "mid_band_ratio", "high_band_ratio", "saturation_drive"),
    *("low_cut", "mono_bass"),
    *("reverb", "delay"),
)
"""Knobs of the headline score, of all consoles: how much an effect does. Those masked in all
songs (reverb, delay, what has no inverse) are left out, and so is how an effect does it (frequency,
Q, threshold, times), which is not heard where it does little."""

GAIN_KNOBS = ("input_gain", "output_level", "compressor_makeup", "level")
"""Gains of the whole signal, of all consoles: only their sum in dB is identifiable."""


def headline_knobs(names: Iterable[str]) -> list[str]:
    """The headline knobs among some, in order; all of them for a console without any.

    >>> headline_knobs(["air", "presence", "low_eq"]), headline_knobs(["air", "drive"])
    (['low_eq', 'presence'], ['air', 'drive'])
    """
    names = list(names)
    return [name for name in HEADLINE_KNOBS if name in names] or names


def headline_columns(columns: Iterable[str]) -> list[str]:
    """The columns `error/<knob>` of the headline knobs among the columns of records."""
    names = (c.removeprefix("error/") for c in columns if c.startswith("error/"))
    return [f"error/{name}" for name in headline_knobs(names)]


def absolute_error(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Compute |Δ position| per song and knob: [B, P] float64, NaN where masked."""
    return (predicted.double() - true.double()).abs().masked_fill(~mask, math.nan)


def total_gain_db(knobs: Sequence[Knob], settings: Sequence[Mapping[str, float]]) -> np.ndarray:
    """Return the sum of the gain knobs in dB per song: [B]. A missing knob counts as 0 dB."""
    units = {knob.name: knob.unit for knob in gain_knobs(knobs)}
    return np.array(
        [
            sum(gain_value_db(v, units[k]) for k, v in song.items() if k in units)
            for song in settings
        ]
    )


def gain_knobs(knobs: Iterable[Knob]) -> list[Knob]:
    """The gains of the whole signal among the knobs of a console."""
    return [knob for knob in knobs if knob.name in GAIN_KNOBS]


def total_gain_travel_db(knobs: Sequence[Knob]) -> float:
    """Return the travel of all gain knobs together, in dB."""
    gains = gain_knobs(knobs)
    return sum(gain_value_db(k.high, k.unit) - gain_value_db(k.low, k.unit) for k in gains)


@torch.no_grad()
def knob_errors(
    knobs: Sequence[Knob], predicted: Tensor, true: Tensor, mask: Tensor
) -> dict[str, Tensor]:
    """Return the columns `error/<knob>` of a record, `total_gain` included: [B] each.

    predicted, true: [B, P] positions; mask: [B, P], True = valid. Values are shares of the travel,
    NaN where masked; `error_db/total_gain` is that error in dB. `total_gain` is valid if all gain
    knobs are. ValueError if P is not the number of knobs.
    """
    names = [knob.name for knob in knobs]
    if predicted.shape[-1] != len(names):
        raise ValueError(f"{predicted.shape[-1]} positions for {len(names)} knobs: {names}")
    by_knob = absolute_error(predicted, true, mask).unbind(-1)
    errors = {f"error/{name}": error for name, error in zip(names, by_knob, strict=True)}
    gains = [n for n, name in enumerate(names) if name in GAIN_KNOBS]
    if gains:
        change_db = _total_gain_db(knobs, predicted, gains) - _total_gain_db(knobs, true, gains)
        error_db = change_db.abs().masked_fill(~mask[:, gains].all(-1), math.nan)
        errors["error/total_gain"] = error_db / total_gain_travel_db(knobs)
        errors["error_db/total_gain"] = error_db
    return errors


def skill(error: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Compute 1 − error / baseline elementwise: 1 = exact, 0 = as the baseline, NaN if it is 0."""
    error, baseline = np.asarray(error, float), np.asarray(baseline, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(baseline > 0, 1.0 - error / baseline, np.nan)


def _total_gain_db(knobs: Sequence[Knob], positions: Tensor, gains: Sequence[int]) -> Tensor:
    values = [(knobs[n], knobs[n].to_physical(positions[:, n].double())) for n in gains]
    levels = [value if knob.unit == "dB" else ratio_to_db(value) for knob, value in values]
    return torch.stack(levels).sum(0)
