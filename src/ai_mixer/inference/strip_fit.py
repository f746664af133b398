"""Fit the linear knobs of strips to measured frequency responses.

The most probable positions, given a prior of each and the response in bands with its standard
deviation, by Levenberg–Marquardt for many strips at once: no audio is rendered. The cost of a band
is that of Cauchy, so that a band that is wrong does not decide; a peak may be at several
frequencies, hence several starts.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.frequency_response import response_db

STEPS = 20
LARGEST_STEP = 0.3  # of a knob's travel
FINITE_DIFFERENCE = 1e-3
OUTLIER = 2.0  # standard deviations


class Prior(NamedTuple):
    """Positions [N, P] of all knobs of the chain, and their standard deviations."""

    mean: Tensor
    std: Tensor


class Curves(NamedTuple):
    """Responses in dB [N, K] at frequencies [K], Hz, with their standard deviations [N, K]."""

    level_db: Tensor
    std_db: Tensor
    frequencies_hz: Tensor


def fit_strips(
    chain: EffectChain, curves: Curves, prior: Prior, fitted: Tensor, starts: Tensor, rate: int
) -> tuple[Tensor, Tensor]:
    """Positions [N, P'] of the fitted knobs and their standard deviations.

    fitted: [P'] columns. starts: [S, P'], NaN: the mean of the prior.
    """
    count, tries = len(prior.mean), len(starts)
    base = prior.mean.double().repeat_interleave(tries, 0)
    mean, std = base[:, fitted], prior.std.double().repeat_interleave(tries, 0)[:, fitted]
    point = starts.double().repeat(count, 1)
    point = torch.where(point.isnan(), mean, point)
    target, deviation = (
        x.double().repeat_interleave(tries, 0) for x in (curves.level_db, curves.std_db)
    )

    def response(positions: Tensor) -> Tensor:
        knobs = base.clone()
        knobs[:, fitted] = positions
        return response_db(chain, knobs, curves.frequencies_hz, rate)[:, 0]

    def cost(positions: Tensor, levels: Tensor) -> Tensor:
        error = (target - levels) / deviation / OUTLIER
        fit = OUTLIER**2 * error.square().log1p().sum(1)
        return fit + ((positions - mean) / std).square().sum(1)

    damping = torch.full((len(point),), 0.1, dtype=torch.float64)
    levels = response(point)
    current = cost(point, levels)
    precision = torch.diag_embed(std**-2)
    for _ in range(STEPS):
        slopes = _slopes(response, point, levels)
        error = (target - levels) / deviation
        weight = 1.0 / (1.0 + (error / OUTLIER).square()) / deviation.square()
        curvature = torch.einsum("nkp,nk,nkq->npq", slopes, weight, slopes) + precision
        descent = torch.einsum("nkp,nk->np", slopes, weight * (target - levels))
        descent = descent + (mean - point) / std.square()
        damped = damping[:, None] * curvature.diagonal(dim1=1, dim2=2)
        step = torch.linalg.solve(curvature + torch.diag_embed(damped), descent)
        moved = (point + step.clamp(-LARGEST_STEP, LARGEST_STEP)).clamp(0.0, 1.0)
        new_levels = response(moved)
        new = cost(moved, new_levels)
        better = new < current
        damping = torch.where(better, damping / 5.0, damping * 4.0).clamp(1e-6, 1e6)
        point = torch.where(better[:, None], moved, point)
        levels = torch.where(better[:, None], new_levels, levels)
        current = torch.where(better, new, current)
    best = current.reshape(count, tries).argmin(1) + torch.arange(count) * tries
    spread = torch.linalg.inv(curvature[best]).diagonal(dim1=1, dim2=2).clamp_min(0.0).sqrt()
    return point[best], spread


def _slopes(response: Callable[[Tensor], Tensor], point: Tensor, levels: Tensor) -> Tensor:
    """Derivatives [N, K, P'] towards the middle of the travel, by finite differences."""
    columns = []
    for knob in range(point.shape[1]):
        step = torch.where(point[:, knob] > 0.5, -FINITE_DIFFERENCE, FINITE_DIFFERENCE)
        moved = point.clone()
        moved[:, knob] += step
        columns.append((response(moved) - levels) / step[:, None])
    return torch.stack(columns, 2)
