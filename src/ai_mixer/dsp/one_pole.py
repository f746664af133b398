"""First-order recursions with a varying pole: smoothing with attack and release.

Kernels and gradients as in `dsp.recursions`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.operators import empty_like, gradient_by_vjp, operator, vjp
from ai_mixer.dsp.recursions import (
    DENORMAL_CHECK_INTERVAL,
    DENORMAL_LIMIT,
    FASTMATH_FLAGS,
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
    gain_db: Tensor = _attack_release(target_db, attack, release)
    return gain_db


def one_pole(x: Tensor, pole: Tensor) -> Tensor:
    """First-order filter with varying pole: y[n] = x[n] + pole[n] y[n−1], y[−1] = 0.

    x, pole: [B, T]. Returns [B, T] in x's dtype. Exact derivatives of any order to both.
    """
    y: Tensor = _one_pole(x, pole)
    return y


@operator(empty_like(0), n_batched=3)
def _attack_release(target: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    rows = as_rows(target)
    out = np.empty_like(rows)
    run_on_rows(_attack_release_rows, rows, pole_rows(attack, release).numpy(), out)
    return torch.from_numpy(out).to(target)


@operator(empty_like(1, 2, 3), n_batched=5)
def _attack_release_backward(
    grad: Tensor, target: Tensor, attack: Tensor, release: Tensor, smooth: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """λ[n] = ∂g[n] + α[n+1] λ[n+1], backwards in time.

    ∂c[n] = (1 − α[n]) λ[n], and ∂α = Σ λ[n] (g[n−1] − c[n]) over the samples with this pole.
    """
    rows, poles = as_rows(grad), pole_rows(attack, release).numpy()
    grad_target, grad_poles = np.empty_like(rows), np.zeros((len(rows), 2))
    arrays = (rows, as_rows(target), as_rows(smooth), poles, grad_target, grad_poles)
    run_on_rows(_attack_release_backward_rows, *arrays)
    grad_attack, grad_release = torch.from_numpy(grad_poles).T
    return (
        torch.from_numpy(grad_target).to(target),
        grad_attack.to(attack, copy=True),
        grad_release.to(release, copy=True),
    )


def _differentiable_smoothing(target: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    """`smooth_attack_release` of differentiable operations, for the poles that it chooses."""
    smooth = _attack_release(target.detach(), attack.detach(), release.detach())
    is_attack = target < pad(smooth, (1, 0))[:, :-1]
    pole = torch.where(is_attack, attack[:, None], release[:, None])
    return one_pole((1.0 - pole) * target, pole)


def _smoothing_gradient(grad: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return vjp(_differentiable_smoothing, inputs, grad)


_attack_release.register_gradient(
    lambda saved, _, grad: _attack_release_backward(grad, *saved),
    save=lambda inputs, outputs: (*inputs, *outputs),
)
_attack_release_backward.register_gradient(
    gradient_by_vjp(_smoothing_gradient, 4), save=lambda inputs, _: inputs[:4], n_differentiable=3
)


@operator(empty_like(0), n_batched=2)
def _one_pole(x: Tensor, pole: Tensor) -> Tensor:
    rows = as_rows(x)
    out = np.empty_like(rows)
    run_on_rows(_one_pole_rows, rows, as_rows(pole), out)
    return torch.from_numpy(out).to(x)


def _one_pole_gradient(
    saved: Sequence[Tensor], _: Sequence[Any], grad: Tensor
) -> tuple[Tensor, Tensor]:
    """λ[n] = ∂y[n] + pole[n+1] λ[n+1]; ∂x = λ, ∂pole[n] = λ[n] y[n−1]."""
    pole, y = saved
    adjoint = one_pole(grad.flip(-1), pad(pole, (0, 1))[:, 1:].flip(-1)).flip(-1)
    return adjoint, (adjoint * pad(y, (1, 0))[:, :-1]).to(pole)


_one_pole.register_gradient(_one_pole_gradient, save=lambda inputs, outputs: (inputs[1], *outputs))


def pole_rows(attack: Tensor, release: Tensor) -> Tensor:
    """Both poles per row: [B, 2] float64."""
    return torch.stack([attack.detach(), release.detach()], dim=1).double()


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _one_pole_rows(x, pole, out):  # type: ignore[no-untyped-def]
    for row in range(x.shape[0]):
        one_pole_row(x[row], pole[row], out[row])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def one_pole_row(x, pole, out):  # type: ignore[no-untyped-def]
    """`one_pole` of one row."""
    y = 0.0
    for n in range(x.shape[0]):
        y = x[n] + pole[n] * y
        if abs(y) < DENORMAL_LIMIT:
            y = 0.0
        out[n] = y


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _attack_release_rows(target, poles, smooth):  # type: ignore[no-untyped-def]
    for row in range(target.shape[0]):
        attack_release_row(target[row], poles[row], smooth[row])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def attack_release_row(target, poles, smooth):  # type: ignore[no-untyped-def]
    """`smooth_attack_release` of one row."""
    attack, release = poles[0], poles[1]
    g = 0.0
    for start in range(0, target.shape[0], DENORMAL_CHECK_INTERVAL):
        for n in range(start, min(start + DENORMAL_CHECK_INTERVAL, target.shape[0])):
            c = np.float64(target[n])
            falling = attack * g + (1.0 - attack) * c
            rising = release * g + (1.0 - release) * c
            g = falling if c < g else rising
            smooth[n] = g
        if abs(g) < DENORMAL_LIMIT:
            g = 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _attack_release_backward_rows(  # type: ignore[no-untyped-def]
    grad, target, smooth, poles, grad_target, grad_poles
):
    for row in range(target.shape[0]):
        attack_release_backward_row(
            grad[row], target[row], smooth[row], poles[row], grad_target[row], grad_poles[row]
        )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def attack_release_backward_row(  # type: ignore[no-untyped-def]
    grad, target, smooth, poles, grad_target, grad_poles
):
    """Gradient of one row; that of the poles in grad_poles, [2]."""
    attack, release = poles[0], poles[1]
    carried = grad_attack = grad_release = 0.0  # carried: α[n+1] λ[n+1]
    for n in range(target.shape[0] - 1, -1, -1):
        before = smooth[n - 1] if n > 0 else 0.0
        c = target[n]
        adjoint = grad[n] + carried
        is_attack = c < before
        pole = attack if is_attack else release
        grad_target[n] = (1.0 - pole) * adjoint
        change = adjoint * (before - c)
        if is_attack:
            grad_attack += change
        else:
            grad_release += change
        carried = pole * adjoint
    grad_poles[0], grad_poles[1] = grad_attack, grad_release
