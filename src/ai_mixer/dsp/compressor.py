"""Compressor gain computer and ballistics, compiled, with a hand-written gradient.

Giannoulis, Massberg & Reiss, "Digital Dynamic Range Compressor Design", JAES 60(6), 2012, eqs. 4
and 16 (the smoothing is of the gain in dB, as its section 2.3 advises).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.one_pole import smooth_attack_release
from ai_mixer.dsp.operators import empty_like, gradient_by_vjp, operator, vjp
from ai_mixer.dsp.peak_levels import (
    NEPERS_PER_DB,
    SILENCE_AMPLITUDE,
    add_gain_gradient,
    level_of_peak_db,
    levels_db,
    max_over_channels,
    ratio_of_gain_db,
    to_array,
)
from ai_mixer.dsp.recursions import (
    DENORMAL_CHECK_INTERVAL,
    DENORMAL_LIMIT,
    FASTMATH_FLAGS,
    Array,
    as_rows,
    run_on_rows,
)
from ai_mixer.utils.compilation import njit


class StaticCurve(NamedTuple):
    """Parameters of the gain computer: the knee is centred on the threshold."""

    threshold_db: float
    knee_db: float
    max_reduction_db: float


def compress(
    x: Tensor, slope: Tensor, poles: Sequence[float] | Tensor, curve: StaticCurve
) -> Tensor:
    """Compress: y = x · 10^(g/20), with g the smoothed gain in dB for the loudest channel.

    x: [B, C, T]; slope: [B], 1 − 1/ratio; poles: attack and release coefficients. Returns
    [B, C, T]. Exact derivatives of any order to x and slope.
    """
    y: Tensor = _compress(x, slope, _settings(poles, curve))[0]
    return y


def compressor_gain_db(
    x: Tensor, slope: Tensor, poles: Sequence[float] | Tensor, curve: StaticCurve
) -> Tensor:
    """Gain g of `compress` in dB: [B, T] float64, at most 0. Same arguments; no gradient."""
    gain_db: Tensor = _compressor_gain(x.detach(), slope.detach(), _settings(poles, curve))
    return gain_db


def _settings(poles: Sequence[float] | Tensor, curve: StaticCurve) -> list[float]:
    """Attack, release, threshold, knee and cap."""
    return [*map(float, poles), *curve]


def settings_rows(slope: Tensor, settings: Sequence[float]) -> Tensor:
    """Pack slope, attack, release, threshold, knee and cap into rows [B, 6] float64."""
    slope = slope.detach().double()
    return torch.stack([slope, *(torch.full_like(slope, value) for value in settings)], dim=1)


@operator(
    lambda x, slope, settings: x.new_empty(x.shape[0], x.shape[2], dtype=torch.float64), n_batched=2
)
def _compressor_gain(x: Tensor, slope: Tensor, settings: Sequence[float]) -> Tensor:
    return torch.from_numpy(gain_of_level_db(levels_db(x), settings_rows(slope, settings).numpy()))


def _fake_compress(x: Tensor, slope: Tensor, settings: Sequence[float]) -> tuple[Tensor, ...]:
    rows = x.new_empty(x.shape[0], x.shape[2])
    exact = [torch.empty_like(rows, dtype=torch.float64) for _ in range(3)]
    return x.new_empty(x.shape), rows, *exact


@operator(_fake_compress, n_batched=2)
def _compress(
    x: Tensor, slope: Tensor, settings: Sequence[float]
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Returns y, and for the gradient: gain as a ratio, peak, its level in dB, gain in dB."""
    peak = max_over_channels(to_array(x))
    level_db = level_of_peak_db(peak, x.dtype)
    gain_db = gain_of_level_db(level_db, settings_rows(slope, settings).numpy())
    ratio = ratio_of_gain_db(gain_db, x.dtype)
    exact = torch.from_numpy(peak), torch.from_numpy(level_db), torch.from_numpy(gain_db)
    return x * ratio[:, None], ratio, *exact


@operator(empty_like(1, 2), n_batched=7)
def _compress_backward(
    grad: Tensor,
    x: Tensor,
    slope: Tensor,
    ratio: Tensor,
    peak: Tensor,
    level_db: Tensor,
    gain_db: Tensor,
    settings: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """λ[n] = ∂g[n] + α[n+1] λ[n+1], backwards in time; ∂c[n] = (1 − α[n]) λ[n]."""
    rows = to_array(grad)
    grad_x, grad_slope = np.empty_like(rows), np.zeros(len(rows))
    past = map(as_rows, (ratio, peak, level_db, gain_db))
    settings_array = settings_rows(slope, settings).numpy()
    run_on_rows(
        _compress_backward_rows, rows, to_array(x), *past, settings_array, grad_x, grad_slope
    )
    return torch.from_numpy(grad_x).to(x), torch.from_numpy(grad_slope).to(slope)


def _differentiable_compress(x: Tensor, slope: Tensor, settings: Sequence[float]) -> Tensor:
    """`compress` of differentiable operations."""
    *poles, threshold_db, knee_db, max_reduction_db = settings
    peak = x.abs().max(dim=1).values.double().clamp_min(SILENCE_AMPLITUDE)
    over = peak.log() / NEPERS_PER_DB - (threshold_db - 0.5 * knee_db)
    excess = over.clamp(0.0, knee_db).square() / (2.0 * knee_db) + (over - knee_db).clamp_min(0.0)
    target_db = -(slope.double()[:, None] * excess).clamp_max(max_reduction_db)
    attack, release = (target_db.new_full((len(x),), pole) for pole in poles)
    gain_db = smooth_attack_release(target_db, attack, release)
    return x * (gain_db * NEPERS_PER_DB).exp().to(x.dtype)[:, None]


def _compress_gradient(
    grad: Tensor, x: Tensor, slope: Tensor, settings: Sequence[float]
) -> tuple[Tensor, ...]:
    return vjp(partial(_differentiable_compress, settings=settings), (x, slope), grad)


_compress.register_gradient(
    lambda saved, constants, grad: _compress_backward(grad, *saved, *constants),
    save=lambda inputs, outputs: (*inputs[:2], *outputs[1:]),
)
_compress_backward.register_gradient(
    gradient_by_vjp(_compress_gradient, 3), save=lambda inputs, _: inputs[:3], n_differentiable=2
)


def gain_of_level_db(level_db: Array, settings: Array) -> Array:
    """Smoothed gain in dB, [B, T]. settings: [B, 6], see `settings_rows`."""
    gain_db = np.empty_like(level_db)
    run_on_rows(_gain_rows, level_db, settings, gain_db)
    return gain_db


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def excess_db(over: Any, knee: Any) -> Any:
    """Level over the threshold in dB with soft knee. over: level relative to the knee's start."""
    inside = min(max(over, 0.0), knee)
    return inside * inside * (0.5 / knee) + max(over - knee, 0.0)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def next_gain_db(g, over, slope, attack, release, knee, cap):  # type: ignore[no-untyped-def]
    """Gain in dB after g: one step towards the static curve at `over`, the level over the knee."""
    return smooth_gain_db(g, static_gain_db(over, slope, knee, cap), attack, release)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def static_gain_db(over, slope, knee, cap):  # type: ignore[no-untyped-def]
    """Gain of the static curve in dB at `over`, the level relative to the start of the knee."""
    return -min(slope * excess_db(over, knee), cap)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def smooth_gain_db(g, c, attack, release):  # type: ignore[no-untyped-def]
    """Gain in dB after g: one step towards c, with the pole `attack` while it falls."""
    falling = attack * g + (1.0 - attack) * c
    rising = release * g + (1.0 - release) * c
    return falling if c < g else rising


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _gain_rows(level_db, settings, gain_db):  # type: ignore[no-untyped-def]
    for song in range(level_db.shape[0]):
        gain_row(level_db[song], settings[song], gain_db[song])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def gain_row(level_db, settings, gain_db):  # type: ignore[no-untyped-def]
    """Gain in dB of one song."""
    slope, attack, release = settings[0], settings[1], settings[2]
    threshold, knee, cap = settings[3], settings[4], settings[5]
    knee_start = threshold - 0.5 * knee
    g = 0.0
    for start in range(0, level_db.shape[0], DENORMAL_CHECK_INTERVAL):
        for n in range(start, min(start + DENORMAL_CHECK_INTERVAL, level_db.shape[0])):
            over = level_db[n] - knee_start
            g = next_gain_db(g, over, slope, attack, release, knee, cap)
            gain_db[n] = g
        if abs(g) < DENORMAL_LIMIT:
            g = 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def gain_backward_row(grad_gain, peak, level_db, gain_db, settings):  # type: ignore[no-untyped-def]
    """Replace the gradient of the gain in dB by that of the peak; return that of the slope."""
    slope, attack, release = settings[0], settings[1], settings[2]
    threshold, knee, cap = settings[3], settings[4], settings[5]
    knee_start = threshold - 0.5 * knee
    carried = grad_slope = 0.0  # carried: α[n+1] λ[n+1]
    for n in range(grad_gain.shape[0] - 1, -1, -1):
        over = level_db[n] - knee_start
        excess = excess_db(over, knee)
        reduction = slope * excess
        before = gain_db[n - 1] if n > 0 else 0.0
        pole = attack if -min(reduction, cap) < before else release
        adjoint = grad_gain[n] + carried
        carried = pole * adjoint
        grad_curve = adjoint - carried if reduction <= cap else 0.0
        grad_slope -= grad_curve * excess
        grad_level = -grad_curve * slope * min(max(over / knee, 0.0), 1.0)
        grad_gain[n] = grad_level / (NEPERS_PER_DB * peak[n])
    return grad_slope


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _add_audio_gradient(grad, x, ratio, peak, grad_peak, grad_x):  # type: ignore[no-untyped-def]
    """Gradient of one channel; the first channel at the peak gets the gradient of the peak."""
    for n in range(x.shape[0]):
        sample = np.float64(x[n])
        taken = grad_peak[n] * (abs(sample) == peak[n])
        grad_peak[n] -= taken
        grad_x[n] = np.float64(grad[n]) * ratio[n] + taken * np.sign(sample)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _compress_backward_rows(  # type: ignore[no-untyped-def]
    grad, audio, ratio, peak, level_db, gain_db, settings, grad_audio, grad_slope
):
    """Three passes: the first and last one are vectorised, the recursion between them is not."""
    for song in range(audio.shape[0]):
        grad_gain = np.zeros(audio.shape[2])
        for channel in range(audio.shape[1]):
            add_gain_gradient(grad[song, channel], audio[song, channel], ratio[song], grad_gain)
        grad_slope[song] = gain_backward_row(
            grad_gain, peak[song], level_db[song], gain_db[song], settings[song]
        )
        for channel in range(audio.shape[1]):
            _add_audio_gradient(
                grad[song, channel],
                audio[song, channel],
                ratio[song],
                peak[song],
                grad_gain,
                grad_audio[song, channel],
            )
