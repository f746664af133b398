"""The knobs that turn a rough into its finished version, found by rendering and comparing.

Levenberg–Marquardt (Marquardt, SIAM J. Appl. Math. 11(2), 1963) on the difference, in dB, of the
short-time third-octave levels of mid and side. A console has few knobs and the levels are
thousands, so the gradient is cheapest by differences: one render per knob, all in one batch.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.dsp.spectra import mid_side, third_octave_frames

FRAME_S = 4096 / 44100
FLOOR = 1e-4  # of a band's mean power: what lies deeper is not compared
OUTLIER_SCALE_DB = (
    6.0  # differences beyond this count ever less: another excerpt, an edit, a breath
)
CONVERGED_DB = 0.03  # a difference this small is the answer
FINITE_DIFFERENCE_STEP = 2e-3  # of a knob's travel, for the gradient
EXCERPT_S = 5.0  # what is listened to first; the whole excerpt decides
LEAD_IN_S = 1.2  # of that part, not judged: tails and gains from before its start
START_SLOPES = (
    0.5,
    0.9,
)  # a compressor's knob has valleys of its own: further places to start from
COARSE_STEPS, FINE_STEPS = 15, 8
MAX_DAMPING = 1e4  # the damping at which no step is small enough to help


class KnobFit(NamedTuple):
    """What was found: knobs [B, P], positions 0–1; error_db [B], the difference that is left."""

    knobs: Tensor
    error_db: Tensor


class LocalMinimum(NamedTuple):
    """Where a descent ended: positions [P] float64, the cost there, and how steep it is, [P, P]."""

    point: Tensor
    cost: float
    curvature: Tensor


@torch.no_grad()
def fit_knobs(
    rough: Tensor,
    finished: Tensor,
    console: Console,
    sample_rate: int = 44100,
    start: Tensor | None = None,
) -> KnobFit:
    """Find the knobs with which `console` turns `rough` into `finished`.

    rough, finished: the same excerpts, [B, C, T] (or [C, T], then B = 1), 1 s or longer. start:
    positions [B, P] to begin with, e.g. a prediction; default neutral. The safety limiter is left
    out: a finished version lies below it. ValueError if the shapes do not fit.
    """
    rough, finished = (x[None] if x.dim() == 2 else x for x in (rough, finished))
    if rough.shape != finished.shape or rough.dim() != 3 or rough.shape[-1] < sample_rate:
        raise ValueError(
            "rough and finished must be the same excerpts, [B, C, T] of 1 s or longer, "
            f"got {list(rough.shape)} and {list(finished.shape)}"
        )
    first = console.neutral.expand(len(rough), -1) if start is None else start
    if first.shape != (len(rough), len(console.knobs)):
        raise ValueError(
            f"start must be [{len(rough)}, {len(console.knobs)}], got {list(first.shape)}"
        )
    found = [
        _fit_song(console, sample_rate, *song) for song in zip(rough, finished, first, strict=True)
    ]
    knobs, costs = zip(*found, strict=True)
    return KnobFit(torch.stack(knobs).to(console.neutral), torch.tensor(costs).sqrt())


@torch.no_grad()
def residual_db(
    knobs: Tensor, rough: Tensor, finished: Tensor, console: Console, sample_rate: int = 44100
) -> Tensor:
    """What knobs [B, P] leave between mix and finished version, as `fit_knobs` counts it: [B]."""
    songs = zip(knobs.double().cpu(), rough, finished, strict=True)
    costs = [
        _cost(
            LevelDifference(console, sample_rate, before, after)(point[None])[0], OUTLIER_SCALE_DB
        )
        for point, before, after in songs
    ]
    return torch.tensor(costs).sqrt()


class LevelDifference:
    """How a mix differs from the finished version: levels [points, N] in dB."""

    def __init__(
        self, console: Console, rate: int, rough: Tensor, finished: Tensor, lead_in_s: float = 0.0
    ) -> None:
        self.console, self.rate, self.rough = console, rate, rough
        self.first_frame = round(lead_in_s / (FRAME_S / 2))
        target = _levels(finished[None], rate)
        self.floor = target.mean(dim=(1, 2), keepdim=True) * FLOOR + 1e-10
        self.target_db = 10.0 * torch.log10(target + self.floor)

    def __call__(self, points: Tensor) -> Tensor:
        """points: positions [points, P]."""
        roughs = self.rough.expand(len(points), -1, -1)
        mix = self.console(roughs, self.rate, points.to(roughs), limit=False)
        power = _levels(mix, self.rate)
        difference_db = 10.0 * torch.log10(power + self.floor) - self.target_db
        return difference_db[:, :, self.first_frame :].flatten(1).cpu()


def _levels(x: Tensor, rate: int) -> Tensor:
    """[B, C, T] → mean squares [B, mid and side, frames, bands]."""
    return third_octave_frames(mid_side(x), rate, FRAME_S)


def _fit_song(
    console: Console, rate: int, rough: Tensor, finished: Tensor, start: Tensor
) -> tuple[Tensor, float]:
    """Positions [P] float64 and the squared difference that is left."""
    part, lead_in_s = loudest_excerpt(finished, rate)
    difference = LevelDifference(console, rate, rough[:, part], finished[:, part], lead_in_s)
    best, least = start.double().cpu(), math.inf
    for point in _starts(console, start.double().cpu()):
        found = levenberg_marquardt(
            difference, _match_level(console, difference, point), COARSE_STEPS
        )
        if found.cost < least:
            best, least = found.point, found.cost
        if least < CONVERGED_DB**2:
            break
    found = levenberg_marquardt(LevelDifference(console, rate, rough, finished), best, FINE_STEPS)
    return found.point, found.cost


def _starts(console: Console, start: Tensor) -> list[Tensor]:
    """Where to begin: at the start, then with other ratios."""
    starts = [start]
    for column, knob in enumerate(console.knobs):
        if knob.scale == "slope":
            starts += [start.index_fill(0, torch.tensor(column), slope) for slope in START_SLOPES]
    return starts


def _match_level(console: Console, difference: LevelDifference, point: Tensor) -> Tensor:
    """The point with the output level that makes the mix as loud as the finished version."""
    if "output_level" not in console.names:
        return point
    column = console.names.index("output_level")
    knob = console.knobs[column]
    travel_db = 20.0 * math.log10(knob.high / knob.low)
    too_loud_db = float(difference(point[None]).median())
    level = (point[column] - too_loud_db / travel_db).clamp(0.0, 1.0)
    return point.index_fill(0, torch.tensor(column), float(level))


def levenberg_marquardt(
    difference: Callable[[Tensor], Tensor],
    point: Tensor,
    max_steps: int,
    outlier: float | Tensor = OUTLIER_SCALE_DB,
) -> LocalMinimum:
    """The nearest valley of positions [P], in so many moves at most.

    difference: positions [points, P] → [points, N]. outlier: beyond this, [] or [N], a difference
    counts ever less.
    """
    damping = 1e-2
    here = difference(point[None])[0]
    cost = _cost(here, outlier)
    curvature = torch.zeros(len(point), len(point), dtype=torch.float64)
    for _ in range(max_steps):
        step = torch.where(
            point < 0.5, FINITE_DIFFERENCE_STEP, -FINITE_DIFFERENCE_STEP
        )  # inwards, so that a knob stays in its range
        slopes = ((difference(point + torch.diag(step)) - here) / step[:, None]).double()
        weighted = slopes / (1.0 + (here / outlier) ** 2)
        curvature, gradient = weighted @ slopes.T, weighted @ here.double()
        trials = [damping, 10.0 * damping, 100.0 * damping]
        points = torch.stack([_step(curvature, gradient, point, trial) for trial in trials])
        there = difference(points)
        best = min(range(len(trials)), key=lambda n: _cost(there[n], outlier))
        if _cost(there[best], outlier) >= cost:
            damping *= 1000.0
            if damping > MAX_DAMPING:
                break
            continue
        moved = float((points[best] - point).abs().max())
        point, here, cost = points[best], there[best], _cost(there[best], outlier)
        damping = max(trials[best] / 10.0, 1e-8)
        if moved < FINITE_DIFFERENCE_STEP / 10:
            break
    return LocalMinimum(point, cost, curvature)


def _step(curvature: Tensor, gradient: Tensor, point: Tensor, damping: float) -> Tensor:
    """Marquardt's step from a point [P], inside 0–1: a knob pressed against its end is held."""
    diagonal = curvature.diagonal()
    damped = curvature + torch.diag(damping * (diagonal + 1e-6 * diagonal.max() + 1e-12))
    free = torch.ones(len(point), dtype=torch.bool)
    while True:
        move = torch.zeros_like(point)
        move[free] = -torch.linalg.solve(damped[free][:, free], gradient[free])
        pressed = free & (((point <= 0.0) & (move < 0.0)) | ((point >= 1.0) & (move > 0.0)))
        if not pressed.any():
            return (point + move).clamp(0.0, 1.0)
        free &= ~pressed


def _cost(difference: Tensor, outlier: float | Tensor) -> float:
    """Mean square of small differences; large ones count logarithmically (Cauchy's loss)."""
    return float((outlier**2 * (difference / outlier).square().log1p()).mean())


def loudest_excerpt(audio: Tensor, rate: int) -> tuple[slice, float]:
    """The PART_S with the most energy in audio [C, T], and how much of its beginning to ignore."""
    length, hop = round(EXCERPT_S * rate), rate // 10
    if audio.shape[-1] <= length:
        return slice(None), 0.0
    energy = torch.nn.functional.pad(audio.double().square().sum(0).cumsum(0), (1, 0))
    start = hop * int((energy[length:] - energy[:-length])[::hop].argmax())
    return slice(start, start + length), LEAD_IN_S if start else 0.0
