"""Gain of a compressor with settings of its own for each song, differentiable in all of them.

The same recursion as in `dsp.compressor`, whose settings are constants.
"""

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.compressor import excess_db, gain_of_level_db
from ai_mixer.dsp.inverse_compressor import inverse_gain_rows
from ai_mixer.dsp.one_pole import smooth_attack_release
from ai_mixer.dsp.operators import gradient_by_vjp, operator, vjp
from ai_mixer.dsp.peak_levels import (
    NEPERS_PER_DB,
    SILENCE_AMPLITUDE,
    level_of_peak_db,
    levels_db,
    max_over_channels,
    to_array,
)
from ai_mixer.dsp.recursions import FASTMATH_FLAGS, as_rows, run_on_rows
from ai_mixer.utils.compilation import njit


def dynamics_gain_db(x: Tensor, settings: Tensor) -> Tensor:
    """Smoothed gain in dB of the loudest channel: [B, T] float64, at most 0.

    x: [B, C, T]. settings: [B, 6] float64: slope 1 − 1/ratio, attack and release coefficients,
    threshold, knee (above 0) and cap of the reduction in dB. Exact derivatives of any order to all
    but the cap.
    """
    gain_db: Tensor = _dynamics_gain(x, settings)[0]
    return gain_db


def invert_dynamics(y: Tensor, settings: Tensor) -> Tensor:
    """Return the x for which x · 10^(g/20) with g of `dynamics_gain_db` is y. No gradient."""
    gain_db: Tensor = _inverse_dynamics_gain(y.detach(), settings.detach())
    return y * (gain_db * -NEPERS_PER_DB).exp_().to(y)[:, None]


def _fake_gain(x: Tensor, settings: Tensor) -> Tensor:
    return x.new_empty(x.shape[0], x.shape[2], dtype=torch.float64)


def _fake_gain_with_levels(x: Tensor, settings: Tensor) -> tuple[Tensor, ...]:
    return tuple(_fake_gain(x, settings) for _ in range(3))


@operator(_fake_gain, n_batched=2)
def _inverse_dynamics_gain(y: Tensor, settings: Tensor) -> Tensor:
    levels = levels_db(y)
    gain_db = np.empty_like(levels)
    run_on_rows(inverse_gain_rows, levels, as_rows(settings), gain_db)
    return torch.from_numpy(gain_db)


@operator(_fake_gain_with_levels, n_batched=2)
def _dynamics_gain(x: Tensor, settings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the gain in dB, and for the gradient: peak, its level in dB."""
    peak = max_over_channels(to_array(x))
    level_db = level_of_peak_db(peak, x.dtype)
    gain_db = gain_of_level_db(level_db, as_rows(settings.double()))
    return torch.from_numpy(gain_db), torch.from_numpy(peak), torch.from_numpy(level_db)


@operator(
    lambda grad, x, settings, *_: (x.new_empty(x.shape), settings.new_empty(settings.shape)),
    n_batched=6,
)
def _dynamics_gain_backward(
    grad: Tensor, x: Tensor, settings: Tensor, gain_db: Tensor, peak: Tensor, level_db: Tensor
) -> tuple[Tensor, Tensor]:
    """λ[n] = ∂g[n] + α[n+1] λ[n+1], backwards in time, see `one_pole`."""
    audio, rows = to_array(x), as_rows(settings.double())
    grad_peak, grad_x = as_rows(grad).copy(), np.empty_like(audio)
    grad_settings = np.zeros_like(rows)
    past = map(as_rows, (peak, level_db, gain_db))
    run_on_rows(_backward_rows, grad_peak, audio, *past, rows, grad_x, grad_settings)
    return torch.from_numpy(grad_x).to(x), torch.from_numpy(grad_settings).to(settings)


def differentiable_gain_db(x: Tensor, settings: Tensor) -> Tensor:
    """`dynamics_gain_db` of differentiable operations."""
    slope, _, _, threshold, knee, cap = settings.double()[:, :, None].unbind(1)
    peak = x.abs().max(dim=1).values.double().clamp_min(SILENCE_AMPLITUDE)
    over = peak.log() / NEPERS_PER_DB - (threshold - 0.5 * knee)
    inside = torch.minimum(over.clamp_min(0.0), knee)
    excess = inside.square() / (2.0 * knee) + (over - knee).clamp_min(0.0)
    target_db = -torch.minimum(slope * excess, cap.detach())
    return smooth_attack_release(target_db, settings[:, 1].double(), settings[:, 2].double())


def _second_gradient(grad: Tensor, x: Tensor, settings: Tensor) -> tuple[Tensor, ...]:
    return vjp(differentiable_gain_db, (x, settings), grad)


_dynamics_gain.register_gradient(
    lambda saved, _, grad: _dynamics_gain_backward(grad, *saved),
    save=lambda inputs, outputs: (*inputs, *outputs),
)
_dynamics_gain_backward.register_gradient(
    gradient_by_vjp(_second_gradient, 3), save=lambda inputs, _: inputs[:3], n_differentiable=2
)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _backward_rows(grad, audio, peak, level_db, gain_db, settings, grad_audio, grad_settings):  # type: ignore[no-untyped-def]
    for song in range(audio.shape[0]):
        settings_backward_row(
            grad[song], peak[song], level_db[song], gain_db[song], settings[song],
            grad_settings[song],
        )  # fmt: skip
        for channel in range(audio.shape[1]):
            _peak_backward_row(
                audio[song, channel], peak[song], grad[song], grad_audio[song, channel]
            )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def settings_backward_row(grad, peak, level_db, gain_db, settings, grad_settings):  # type: ignore[no-untyped-def]
    """Replace the gradient of the gain in dB by that of the peak; write that of the settings."""
    slope, attack, release = settings[0], settings[1], settings[2]
    threshold, knee, cap = settings[3], settings[4], settings[5]
    knee_start = threshold - 0.5 * knee
    by_slope = by_attack = by_release = by_threshold = by_knee = 0.0
    carried = 0.0  # α[n+1] λ[n+1]
    for n in range(grad.shape[0] - 1, -1, -1):
        over = level_db[n] - knee_start
        excess = excess_db(over, knee)
        reduction = slope * excess
        target = -min(reduction, cap)
        before = gain_db[n - 1] if n > 0 else 0.0
        adjoint = grad[n] + carried
        change = adjoint * (before - target)
        if target < before:
            by_attack += change
            carried = attack * adjoint
        else:
            by_release += change
            carried = release * adjoint
        by_curve = adjoint - carried if reduction <= cap else 0.0
        share = min(max(over / knee, 0.0), 1.0)  # derivative of the excess to the level
        by_slope -= by_curve * excess
        by_excess = -by_curve * slope
        by_threshold -= by_excess * share
        by_knee += by_excess * 0.5 * share * (1.0 - share)
        grad[n] = by_excess * share / (NEPERS_PER_DB * peak[n])
    grad_settings[0], grad_settings[1], grad_settings[2] = by_slope, by_attack, by_release
    grad_settings[3], grad_settings[4] = by_threshold, by_knee


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _peak_backward_row(x, peak, grad_peak, grad_x):  # type: ignore[no-untyped-def]
    """Gradient of one channel; the first channel at the peak gets the gradient of the peak."""
    for n in range(x.shape[0]):
        sample = np.float64(x[n])
        taken = grad_peak[n] * (abs(sample) == peak[n])
        grad_peak[n] -= taken
        grad_x[n] = taken * np.sign(sample)
