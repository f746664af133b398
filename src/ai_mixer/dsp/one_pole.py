"""First-order recursions with a varying pole: smoothing with attack and release.

Kernels and gradients as in `dsp.recursions`.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.autograd import BatchFunction, gradient_with_graph, is_transformed, needs_graph
from ai_mixer.dsp.recursions import (
    DENORMAL_CHECK_INTERVAL,
    DENORMAL_LIMIT,
    FASTMATH_FLAGS,
    Array,
    as_rows,
    run_on_rows,
)
from ai_mixer.utils.compilation import njit


def smooth_attack_release(target_db: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    """One-pole smoothing of a gain in dB with the pole `attack` while it falls, else `release`.

    g[n] = α g[n−1] + (1 − α) c[n] with g[−1] = 0, α = attack if c[n] < g[n−1] else release
    (Giannoulis et al. 2012, eq. 16). target_db c: [B, T]; attack, release: coefficients [B] in
    0–1. Returns g [B, T]. Exact derivatives of any order to all three. ValueError for other shapes.
    """
    batch = target_db.shape[0]
    if target_db.ndim != 2 or attack.shape != (batch,) or release.shape != (batch,):
        raise ValueError(
            f"smooth_attack_release: needs target_db [B, T] and attack, release [B], "
            f"got {list(target_db.shape)}, {list(attack.shape)}, {list(release.shape)}"
        )
    if is_transformed(target_db, attack, release):
        return _differentiable_smoothing(target_db, attack, release)
    return _AttackRelease.apply(target_db, attack, release)  # type: ignore[no-untyped-call]


def one_pole(x: Tensor, pole: Tensor) -> Tensor:
    """First-order filter with varying pole: y[n] = x[n] + pole[n] y[n−1], y[−1] = 0.

    x, pole: [B, T]. Returns [B, T] in x's dtype. Exact derivatives of any order to both.
    """
    return _OnePole.apply(x, pole)  # type: ignore[no-untyped-call]


class _AttackRelease(BatchFunction):
    """Gradient: λ[n] = ∂g[n] + α[n+1] λ[n+1], backwards in time.

    ∂c[n] = (1 − α[n]) λ[n], and ∂α = Σ λ[n] (g[n−1] − c[n]) over the samples with this pole.
    """

    n_batched = 3

    @staticmethod
    def forward(target: Tensor, attack: Tensor, release: Tensor) -> Tensor:
        rows = as_rows(target)
        out = np.empty_like(rows)
        run_on_rows(_attack_release_forward, rows, _pole_rows(attack, release), out)
        return torch.from_numpy(out).to(target)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        target, attack, release, smooth = ctx.saved_tensors
        if needs_graph(grad):
            return gradient_with_graph(_differentiable_smoothing, (target, attack, release), grad)
        rows = as_rows(grad)
        grad_target = np.empty_like(rows)
        grad_poles = np.zeros((len(rows), 2))
        run_on_rows(
            _attack_release_backward,
            rows,
            as_rows(target),
            as_rows(smooth),
            _pole_rows(attack, release),
            grad_target,
            grad_poles,
        )
        sums = torch.from_numpy(grad_poles)
        return (
            torch.from_numpy(grad_target).to(target),
            sums[:, 0].to(attack),
            sums[:, 1].to(release),
        )


def _differentiable_smoothing(target: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    """`smooth_attack_release` of differentiable operations, for the poles that it chooses."""
    inputs = (x.detach() for x in (target, attack, release))
    smooth: Tensor = _AttackRelease.apply(*inputs)  # type: ignore[no-untyped-call]
    is_attack = target < pad(smooth, (1, 0))[:, :-1]
    pole = torch.where(is_attack, attack[:, None], release[:, None])
    return one_pole((1.0 - pole) * target, pole)


class _OnePole(BatchFunction):
    """Gradient: λ[n] = ∂y[n] + pole[n+1] λ[n+1]; ∂x = λ, ∂pole[n] = λ[n] y[n−1]."""

    n_batched = 2

    @staticmethod
    def forward(x: Tensor, pole: Tensor) -> Tensor:
        rows = as_rows(x)
        out = np.empty_like(rows)
        run_on_rows(_one_pole_rows, rows, as_rows(pole), out)
        return torch.from_numpy(out).to(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[1], output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        pole, y = ctx.saved_tensors
        adjoint = one_pole(grad.flip(-1), pad(pole, (0, 1))[:, 1:].flip(-1)).flip(-1)
        return adjoint, (adjoint * pad(y, (1, 0))[:, :-1]).to(pole)


def _pole_rows(attack: Tensor, release: Tensor) -> Array:
    return torch.stack([attack.detach(), release.detach()], dim=1).double().cpu().numpy()


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _one_pole_rows(x, pole, out):  # type: ignore[no-untyped-def]
    for row in range(x.shape[0]):
        y = 0.0
        for n in range(x.shape[1]):
            y = x[row, n] + pole[row, n] * y
            if abs(y) < DENORMAL_LIMIT:
                y = 0.0
            out[row, n] = y


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _attack_release_forward(target, poles, smooth):  # type: ignore[no-untyped-def]
    for row in range(target.shape[0]):
        attack, release = poles[row]
        g = 0.0
        for start in range(0, target.shape[1], DENORMAL_CHECK_INTERVAL):
            for n in range(start, min(start + DENORMAL_CHECK_INTERVAL, target.shape[1])):
                c = np.float64(target[row, n])
                falling = attack * g + (1.0 - attack) * c
                rising = release * g + (1.0 - release) * c
                g = falling if c < g else rising
                smooth[row, n] = g
            if abs(g) < DENORMAL_LIMIT:
                g = 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _attack_release_backward(  # type: ignore[no-untyped-def]
    grad, target, smooth, poles, grad_target, grad_poles
):
    for row in range(target.shape[0]):
        attack, release = poles[row]
        carried = 0.0  # α[n+1] λ[n+1]
        for n in range(target.shape[1] - 1, -1, -1):
            before = smooth[row, n - 1] if n > 0 else 0.0
            c = target[row, n]
            adjoint = grad[row, n] + carried
            is_attack = c < before
            pole = attack if is_attack else release
            grad_target[row, n] = (1.0 - pole) * adjoint
            grad_poles[row, 0 if is_attack else 1] += adjoint * (before - c)
            carried = pole * adjoint
