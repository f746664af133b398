"""Levenberg–Marquardt for `MixProblem`, with a prior of every knob and the range 0–1 as bounds.

Marquardt, SIAM J. Appl. Math. 11(2), 1963. The noise is what remains: while the model of the mix is
incomplete, the prior weighs more.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.models.track_fit_problem import MixProblem, Point, Rendered

INDEPENDENT = 0.01  # share of the rows: what remains is no noise, but other tracks and effects
NOISE_FLOOR = 1e-10  # power relative to the mix: rounding
EXACT = 1e-9  # of the power of the mix: the finished mixes of `task=remix` are exact to −80 dB
LARGEST_STEP = 0.3  # of a knob's travel
TRIES = 6
CONVERGED = 1e-3  # relative decrease of the cost


class Prior(NamedTuple):
    """Mean and standard deviation of every position."""

    mean: Point
    std: Point


class Descent(NamedTuple):
    """A point and its mix; residual: power of what remains, relative to the mix.

    std: standard deviation of each free knob, as a vector.
    """

    point: Point
    rendered: Rendered
    residual: float
    std: Tensor


def descend(
    problem: MixProblem,
    point: Point,
    free: Point,
    prior: Prior,
    steps: int,
    rendered: Rendered | None = None,
    track: int | None = None,
) -> Descent:
    """Move the free knobs to a local minimum.

    track: the only one with free knobs; then `rendered` is the mix at `point`.
    """
    rendered = rendered or problem.render(point)
    values, mean = point.select(free), prior.mean.select(free)
    precision = prior.std.select(free) ** -2
    power = float(problem.target.square().mean())
    damping, curvature = 1e-3, torch.diag(precision)
    for _ in range(steps):
        slopes = problem.jacobian(point, rendered, free)
        error = problem.target - rendered.rows
        noise = max(float(error.square().mean()), NOISE_FLOOR * power)
        if noise < EXACT * power:
            break
        weight = INDEPENDENT / noise
        curvature = weight * (slopes @ slopes.T).double() + torch.diag(precision)
        gradient = weight * (slopes @ error).double() - precision * (values - mean)

        def cost(rows: Tensor, at: Tensor, weight: float = weight) -> float:
            fit = float((problem.target - rows).double().square().sum())
            return weight * fit + float((precision * (at - mean).square()).sum())

        current, better = cost(rendered.rows, values), False
        relax = 5.0
        for _ in range(TRIES):
            moved = values + _bounded_step(curvature, gradient, values, damping)
            moved = moved.clamp(0.0, 1.0)
            candidate = point.replace(free, moved)
            mix = problem.render(candidate, rendered, track)
            new = cost(mix.rows, moved)
            if better := new < current:
                break
            damping, relax = 4.0 * damping, 1.5
        if not better:
            break
        values, point, rendered = moved, candidate, mix
        damping = max(damping / relax, 1e-7)
        if current - new < CONVERGED * current:
            break
    residual = float((problem.target - rendered.rows).square().mean()) / max(power, 1e-30)
    spread = torch.linalg.inv(curvature).diagonal().clamp_min(0.0).sqrt()
    return Descent(point, rendered, residual, spread)


def _bounded_step(curvature: Tensor, gradient: Tensor, values: Tensor, damping: float) -> Tensor:
    """Marquardt's step; knobs at a bound that they would cross stay."""
    damped = curvature + torch.diag(damping * curvature.diagonal())
    free = torch.ones(len(values), dtype=torch.bool)
    while True:
        step = torch.zeros_like(values)
        step[free] = torch.linalg.solve(damped[free][:, free], gradient[free])
        blocked = free & (((values <= 0.0) & (step < 0.0)) | ((values >= 1.0) & (step > 0.0)))
        if not blocked.any() or (blocked == free).all():
            return step.clamp(-LARGEST_STEP, LARGEST_STEP)
        free &= ~blocked
