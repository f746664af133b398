"""Fit the knobs that turn a rough into its finished version, by rendering and comparing.

Minimises the difference, in dB, of the short-time third-octave levels of mid and side. A console
has few knobs and there are thousands of levels, so finite differences are the cheapest gradient:
one render per knob, all in one batch. A console with frequencies and Q as knobs has many: its
linear effects are set first, without rendering (`staged_fit`).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.units import gain_value_db
from ai_mixer.inference.curve_refinement import has_shape_knobs
from ai_mixer.inference.level_difference import LevelDifference, loudest_excerpt
from ai_mixer.inference.levenberg_marquardt import levenberg_marquardt, robust_cost
from ai_mixer.inference.staged_fit import OUTLIER_SCALE_DB, fit_in_stages

CONVERGED_DB = 0.03  # no further start points are tried below this difference
START_SLOPES = (0.5, 0.9)  # further start points: the compressor's knob has local minima
COARSE_STEPS, FINE_STEPS = 15, 8


class KnobFit(NamedTuple):
    """Fitted knobs [B, P], positions 0–1, and error_db [B], the remaining difference."""

    knobs: Tensor
    error_db: Tensor


@torch.no_grad()
def fit_knobs(
    rough: Tensor,
    finished: Tensor,
    console: Console,
    sample_rate: int = 44100,
    start: Tensor | None = None,
) -> KnobFit:
    """Fit the knobs with which `console` turns `rough` into `finished`.

    rough, finished: the same excerpts, [B, C, T] (or [C, T], then B = 1), 1 s or longer. start:
    initial positions [B, P], e.g. a prediction; default neutral. The safety limiter is disabled: a
    finished version is below its ceiling. ValueError if the shapes do not match.
    """
    rough, finished = (x[None] if x.dim() == 2 else x for x in (rough, finished))
    if rough.shape != finished.shape or rough.dim() != 3 or rough.shape[-1] < sample_rate:
        raise ValueError(
            "rough and finished must be the same excerpts, [B, C, T] of 1 s or longer, "
            f"got {list(rough.shape)} and {list(finished.shape)}"
        )
    starts = console.neutral.expand(len(rough), -1) if start is None else start
    if starts.shape != (len(rough), len(console.knobs)):
        raise ValueError(
            f"start must be [{len(rough)}, {len(console.knobs)}], got {list(starts.shape)}"
        )
    songs = zip(rough, finished, starts, strict=True)
    knobs, costs = zip(*(_fit_song(console, sample_rate, *song) for song in songs), strict=True)
    return KnobFit(torch.stack(knobs).to(console.neutral), torch.tensor(costs).sqrt())


@torch.no_grad()
def residual_db(
    knobs: Tensor, rough: Tensor, finished: Tensor, console: Console, sample_rate: int = 44100
) -> Tensor:
    """Compute the difference between mix and finished version as `fit_knobs` does: [B], dB.

    knobs: [B, P]; rough, finished: [B, C, T].
    """
    costs = []
    for position, before, after in zip(knobs.double().cpu(), rough, finished, strict=True):
        difference = LevelDifference(console, sample_rate, before, after)
        costs.append(robust_cost(difference(position[None])[0], OUTLIER_SCALE_DB))
    return torch.tensor(costs).sqrt()


def _fit_song(
    console: Console, rate: int, rough: Tensor, finished: Tensor, start: Tensor
) -> tuple[Tensor, float]:
    """Positions [P] float64 and the remaining cost in dB²."""
    if has_shape_knobs(console):
        return fit_in_stages(console, rate, rough, finished, start.double().cpu())
    excerpt, lead_in_s = loudest_excerpt(finished, rate)
    difference = LevelDifference(console, rate, rough[:, excerpt], finished[:, excerpt], lead_in_s)
    best, best_cost = start.double().cpu(), math.inf
    for point in _start_points(console, start.double().cpu()):
        levelled = _match_level(console, difference, point)
        minimum = levenberg_marquardt(difference, levelled, COARSE_STEPS, OUTLIER_SCALE_DB)
        if minimum.cost < best_cost:
            best, best_cost = minimum.point, minimum.cost
        if best_cost < CONVERGED_DB**2:
            break
    difference = LevelDifference(console, rate, rough, finished)
    minimum = levenberg_marquardt(difference, best, FINE_STEPS, OUTLIER_SCALE_DB)
    return minimum.point, minimum.cost


def _start_points(console: Console, start: Tensor) -> list[Tensor]:
    """The given start point, then the same with other compressor ratios."""
    starts = [start]
    for column, knob in enumerate(console.knobs):
        if knob.scale == "slope":
            starts += [start.index_fill(0, torch.tensor(column), slope) for slope in START_SLOPES]
    return starts


def _match_level(console: Console, difference: LevelDifference, point: Tensor) -> Tensor:
    """The point with the output level that gives the mix the level of the finished version."""
    if "output_level" not in console.names:
        return point
    column = console.names.index("output_level")
    knob = console.knobs[column]
    travel_db = gain_value_db(knob.high, knob.unit) - gain_value_db(knob.low, knob.unit)
    excess_db = float(difference(point[None]).median())
    level = (point[column] - excess_db / travel_db).clamp(0.0, 1.0)
    return point.index_fill(0, torch.tensor(column), float(level))
