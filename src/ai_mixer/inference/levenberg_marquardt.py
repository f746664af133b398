"""Levenberg–Marquardt (Marquardt, SIAM J. Appl. Math. 11(2), 1963) for knob positions 0–1.

With a robust cost, bounds, and a gradient by finite differences: all points of a step are evaluated
as one batch.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

FINITE_DIFFERENCE_STEP = 2e-3  # of a knob's travel, for the gradient
MAX_DAMPING = 1e4  # above, a step is too small to reduce the cost


class LocalMinimum(NamedTuple):
    """Result of a descent: positions [P] float64, their cost, and the curvature there, [P, P]."""

    point: Tensor
    cost: float
    curvature: Tensor


def levenberg_marquardt(
    residuals: Callable[[Tensor], Tensor],
    point: Tensor,
    max_steps: int,
    outlier_scale: float | Tensor,
) -> LocalMinimum:
    """Find a local minimum of the robust cost near positions [P], in at most `max_steps` steps.

    residuals: positions [points, P] → [points, N]. outlier_scale: [] or [N]; larger residuals count
    logarithmically (`robust_cost`).
    """
    damping = 1e-2
    current = residuals(point[None])[0]
    cost = robust_cost(current, outlier_scale)
    curvature = torch.zeros(len(point), len(point), dtype=torch.float64)
    for _ in range(max_steps):
        # Towards the middle of the travel, so that no knob leaves its range.
        step = torch.where(point < 0.5, FINITE_DIFFERENCE_STEP, -FINITE_DIFFERENCE_STEP)
        slopes = ((residuals(point + torch.diag(step)) - current) / step[:, None]).double()
        weighted = slopes / (1.0 + (current / outlier_scale) ** 2)
        curvature, gradient = weighted @ slopes.T, weighted @ current.double()
        dampings = [damping, 10.0 * damping, 100.0 * damping]
        points = torch.stack([_bounded_step(curvature, gradient, point, d) for d in dampings])
        candidates = residuals(points)
        costs = [robust_cost(candidate, outlier_scale) for candidate in candidates]
        best = min(range(len(costs)), key=costs.__getitem__)
        if costs[best] >= cost:
            damping *= 1000.0
            if damping > MAX_DAMPING:
                break
            continue
        largest_move = float((points[best] - point).abs().max())
        point, current, cost = points[best], candidates[best], costs[best]
        damping = max(dampings[best] / 10.0, 1e-8)
        if largest_move < FINITE_DIFFERENCE_STEP / 10:
            break
    return LocalMinimum(point, cost, curvature)


def robust_cost(residuals: Tensor, outlier_scale: float | Tensor) -> float:
    """Mean square of small residuals; large ones count logarithmically (Cauchy's loss)."""
    return float((outlier_scale**2 * (residuals / outlier_scale).square().log1p()).mean())


def _bounded_step(curvature: Tensor, gradient: Tensor, point: Tensor, damping: float) -> Tensor:
    """Marquardt's step from a point [P] within 0–1; knobs at a bound that it would cross stay."""
    diagonal = curvature.diagonal()
    damped = curvature + torch.diag(damping * (diagonal + 1e-6 * diagonal.max() + 1e-12))
    free = torch.ones(len(point), dtype=torch.bool)
    while True:
        move = torch.zeros_like(point)
        move[free] = -torch.linalg.solve(damped[free][:, free], gradient[free])
        blocked = free & (((point <= 0.0) & (move < 0.0)) | ((point >= 1.0) & (move > 0.0)))
        if not blocked.any():
            return (point + move).clamp(0.0, 1.0)
        free &= ~blocked
