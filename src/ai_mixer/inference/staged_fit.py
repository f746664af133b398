"""Fit the knobs of a console with many: closed form, then few effects, then all.

1. The equaliser, the width and the level are set to the difference of the long-term levels of both
   versions (`correction_curve.fit_curve`), without rendering.
2. Where a difference remains, the compressor is fitted to the short-time levels by rendering, from
   two start points, and then all of these together.
3. Where a difference still remains, the effects without an inverse (multiband compressor,
   saturation) are fitted, with the others fixed, and kept if they reduce it.

Of several gains only the last one moves, because they are not identifiable separately. An effect
that is not linear is set to neutral if that hardly changes the result.
"""

import math

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.console.frequency_response import linear_knobs
from ai_mixer.core.types import Prediction
from ai_mixer.inference.correction_curve import fit_curve
from ai_mixer.inference.level_difference import LevelDifference, loudest_excerpt
from ai_mixer.inference.levenberg_marquardt import levenberg_marquardt, robust_cost
from ai_mixer.inference.long_term_levels import is_mono, long_term_db
from ai_mixer.metrics.knob_skill import gain_knobs

OUTLIER_SCALE_DB = 6.0  # larger differences count logarithmically: an edit, a breath
ACCEPTED_DB = 0.1  # no further effects are tried below this difference
FLOOR = 1e-6  # of the loudest band; lower levels are not compared
START_STD = 1.0  # of a position about its start: hardly a preference
START_FIT_DB = 0.05
START_SLOPE = 0.5  # 1 − 1/ratio of the compressor, of a second start: it has local minima
COMPRESSOR_STEPS, JOINT_STEPS, REST_STEPS, FINE_STEPS = 6, 6, 4, 2
KEPT_COST_RATIO = 0.9  # of the squared difference, with and without the last effects
IDLE_TOLERANCE_DB = 0.05
NEUTRAL_TOLERANCE = 0.004  # of the travel: ±0.05 dB of ±6 dB


def fit_in_stages(
    console: Console, rate: int, rough: Tensor, finished: Tensor, start: Tensor
) -> tuple[Tensor, float]:
    """Positions [P] float64 and the remaining cost in dB².

    rough, finished: [C, T]. start: positions [P] float64.
    """
    excerpt, lead_in_s = loudest_excerpt(finished, rate)
    part = rate, rough[:, excerpt], finished[:, excerpt], lead_in_s
    linear = linear_knobs(console)
    few = linear | console.invertible.cpu()
    point = curve_start(console, rate, rough, finished, start)
    point, cost = _descend(console, *part, point, few, 0)
    if cost >= ACCEPTED_DB**2:
        point, cost = _fit_compressor(console, *part, point, few & ~linear)
        point, cost = _descend(console, *part, point, few, JOINT_STEPS)
    if cost >= ACCEPTED_DB**2 and not few.all():
        candidate, its_cost = _descend(console, *part, point, ~few, REST_STEPS)
        if its_cost < KEPT_COST_RATIO * cost:
            point = candidate
    whole = rate, rough, finished, 0.0
    point, cost = _descend(console, *whole, point, few, FINE_STEPS)
    point, cost = _without_idle_effects(console, rate, rough, finished, point, cost)
    return without_idle_shapes(console, point), cost


def curve_start(
    console: Console, rate: int, rough: Tensor, finished: Tensor, start: Tensor
) -> Tensor:
    """The start, [P], with the linear effects at the difference of both versions' spectra."""
    _, floor = long_term_db(finished[None], rate)
    target_db, rough_db = (
        long_term_db(x[None], rate, floor * FLOOR / 1e-4)[0] for x in (finished, rough)
    )
    difference_db = (target_db - rough_db)[0].double().cpu()
    bands = len(difference_db) // 2
    if is_mono(rough) or is_mono(finished):  # then the width stays
        difference_db[bands:] = difference_db[:bands]
    std = torch.full_like(start, START_STD)
    return fit_curve(
        console, difference_db, Prediction(start, std), _movable(console), rate, START_FIT_DB
    )


def without_idle_shapes(console: Console, positions: Tensor) -> Tensor:
    """Set frequency, Q, threshold and times to neutral where the effect does nothing: [P]."""
    neutral = console.neutral.to(positions)
    idle = (positions - neutral).abs() <= NEUTRAL_TOLERANCE
    result = positions.clone()
    for effect, columns in console.effects_with_columns():
        shapes = [column for name, column in columns.items() if name in effect.shape_knobs]
        others = [column for name, column in columns.items() if name not in effect.shape_knobs]
        if idle[others].all():
            result[shapes] = neutral[shapes]
    return result


def _without_idle_effects(
    console: Console, rate: int, rough: Tensor, finished: Tensor, point: Tensor, cost: float
) -> tuple[Tensor, float]:
    """The point with each effect that is not linear at neutral if the cost hardly rises, in dB."""
    difference = LevelDifference(console, rate, rough, finished)
    linear, neutral = linear_knobs(console), console.neutral.cpu().double()
    for _, columns in console.effects_with_columns():
        own = list(columns.values())
        if linear[own].all() or torch.equal(point[own], neutral[own]):
            continue
        without = point.index_copy(0, torch.tensor(own), neutral[own])
        its_cost = robust_cost(difference(without[None])[0], OUTLIER_SCALE_DB)
        if math.sqrt(its_cost) <= math.sqrt(cost) + IDLE_TOLERANCE_DB:
            point, cost = without, its_cost
    return point, cost


def _fit_compressor(
    console: Console,
    rate: int,
    rough: Tensor,
    finished: Tensor,
    lead_in_s: float,
    point: Tensor,
    moved: Tensor,
) -> tuple[Tensor, float]:
    """Fit some effects, [P] bool, from off and from a slope: the better point and its cost."""
    steep = point.clone()
    for column, knob in enumerate(console.knobs):
        if knob.scale == "slope" and moved[column]:
            steep[column] = START_SLOPE
    moves = moved | _level(console)
    candidates = [
        _descend(console, rate, rough, finished, lead_in_s, start, moves, COMPRESSOR_STEPS)
        for start in (point, steep)
    ]
    return min(candidates, key=lambda candidate: candidate[1])


def _descend(
    console: Console,
    rate: int,
    rough: Tensor,
    finished: Tensor,
    lead_in_s: float,
    point: Tensor,
    moved: Tensor,
    steps: int,
) -> tuple[Tensor, float]:
    """Positions [P] and cost after some steps of the moved knobs, [P] bool.

    Effects that stay neutral are not rendered.
    """
    in_use = moved | (point != console.neutral.cpu())
    chosen = [bool(in_use[list(c.values())].any()) for _, c in console.effects_with_columns()]
    chosen[0] |= not any(chosen)
    part, columns = console.select(chosen)
    moves = (moved & _movable(console))[columns]
    difference = LevelDifference(part, rate, rough, finished, lead_in_s)

    def residuals(points: Tensor) -> Tensor:
        knobs = point[columns].repeat(len(points), 1)
        knobs[:, moves] = points
        return difference(knobs)

    minimum = levenberg_marquardt(residuals, point[columns][moves], steps, OUTLIER_SCALE_DB)
    inner, result = point[columns], point.clone()
    inner[moves] = minimum.point
    result[columns] = inner
    return result, minimum.cost


def _level(console: Console) -> Tensor:
    """The last gain of the console, [P] bool."""
    last = {knob.name for knob in gain_knobs(console.knobs)[-1:]}
    return torch.tensor([knob.name in last for knob in console.knobs])


def _movable(console: Console) -> Tensor:
    """All knobs but the gains before the last one, [P] bool."""
    extra = {knob.name for knob in gain_knobs(console.knobs)[:-1]}
    return torch.tensor([knob.name not in extra for knob in console.knobs])
