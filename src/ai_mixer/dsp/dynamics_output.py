"""Output of a compressor with settings of its own for each song, as one operator.

Gain of `dsp.dynamics`, its exponential and the multiplication in one pass over the audio, block by
block; the gradient computes the levels again instead of reading them from memory. In each block
only the smoothing is a recursion, all other loops are vectorised.
"""

import math

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.compressor import smooth_gain_db, static_gain_db
from ai_mixer.dsp.dynamics import differentiable_gain_db
from ai_mixer.dsp.operators import gradient_by_vjp, operator, vjp
from ai_mixer.dsp.peak_levels import NEPERS_PER_DB, SILENCE_AMPLITUDE, to_array
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS, as_rows, run_on_rows
from ai_mixer.dsp.vector_math import fast_exp, log_in_place
from ai_mixer.utils.compilation import njit

BLOCK = 256  # samples; the work space of a block stays in the L1 cache
BACKWARD_BLOCK = 2048  # backwards in time, memory is read slowly if blocks are short
FASTMATH = FASTMATH_FLAGS | {"nnan", "nsz"}
SUMS = FASTMATH | {"reassoc"}  # a sum of a block may be made of partial sums


def apply_dynamics(x: Tensor, settings: Tensor, gains: Tensor) -> Tensor:
    """Compress: y = x · 10^(g/20) · gains, with g of `dynamics.dynamics_gain_db`.

    x: [B, C, T]. settings: [B, 6] float64, see there. gains: [B, C] float64. Returns [B, C, T] in
    x's dtype. Exact derivatives of any order to x, gains and all settings but the cap.
    """
    y: Tensor = _apply_dynamics(x, settings, gains)[0]
    return y


def _fake(x: Tensor, settings: Tensor, gains: Tensor) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape), x.new_empty(x.shape[0], x.shape[2] + 1, dtype=torch.float64)


@operator(_fake, n_batched=3)
def _apply_dynamics(x: Tensor, settings: Tensor, gains: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the output, and for the gradient 0 dB and the gain in dB, [B, 1 + T]."""
    audio = to_array(x)
    y, gain_db = np.empty_like(audio), np.empty((audio.shape[0], audio.shape[2] + 1))
    rows = as_rows(settings.double()), as_rows(gains.double())
    run_on_rows(_output_rows, audio, *rows, y, gain_db)
    return torch.from_numpy(y).to(x), torch.from_numpy(gain_db)


@operator(
    lambda grad, x, settings, gains, _: tuple(t.new_empty(t.shape) for t in (x, settings, gains)),
    n_batched=5,
)
def _apply_dynamics_backward(
    grad: Tensor, x: Tensor, settings: Tensor, gains: Tensor, gain_db: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """λ[n] = ∂g[n] + α[n+1] λ[n+1], backwards in time, see `one_pole`."""
    audio, rows = to_array(x), (as_rows(settings.double()), as_rows(gains.double()))
    grad_x, grads = np.empty_like(audio), [np.zeros_like(row) for row in rows]
    run_on_rows(_backward_rows, to_array(grad), audio, *rows, as_rows(gain_db), grad_x, *grads)
    by_settings, by_gains = map(torch.from_numpy, grads)
    return torch.from_numpy(grad_x).to(x), by_settings.to(settings), by_gains.to(gains)


def _differentiable(x: Tensor, settings: Tensor, gains: Tensor) -> Tensor:
    """`apply_dynamics` of differentiable operations."""
    ratio = torch.exp(differentiable_gain_db(x, settings) * NEPERS_PER_DB)[:, None]
    return x * (ratio * gains.double()[:, :, None]).to(x.dtype)


def _second_gradient(grad: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return vjp(_differentiable, inputs, grad)


_apply_dynamics.register_gradient(
    lambda saved, _, grad: _apply_dynamics_backward(grad, *saved),
    save=lambda inputs, outputs: (*inputs, outputs[1]),
)
_apply_dynamics_backward.register_gradient(
    gradient_by_vjp(_second_gradient, 4), save=lambda inputs, _: inputs[:4], n_differentiable=3
)


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _write_levels(audio, start, peak, level_db, exponents):  # type: ignore[no-untyped-def]
    """Peak over the channels and its level in dB."""
    peak[:] = SILENCE_AMPLITUDE
    for channel in range(audio.shape[0]):
        x = audio[channel][start:]
        for n in range(len(peak)):
            peak[n] = max(peak[n], abs(np.float64(x[n])))
    for n in range(len(peak)):
        level_db[n] = peak[n]
    log_in_place(level_db, exponents)
    for n in range(len(peak)):
        level_db[n] *= 1.0 / NEPERS_PER_DB


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _output_rows(audio, settings, gains, y, gain_db):  # type: ignore[no-untyped-def]
    work = np.empty((3, BLOCK + 40))
    for song in range(audio.shape[0]):
        slope, attack, release = settings[song, 0], settings[song, 1], settings[song, 2]
        knee, cap = settings[song, 4], settings[song, 5]
        knee_start = settings[song, 3] - 0.5 * knee
        g = gain_db[song, 0] = 0.0
        for start in range(0, audio.shape[2], BLOCK):
            count = min(BLOCK, audio.shape[2] - start)
            level, ratio = work[1][:count], work[2][:count]
            _write_levels(audio[song], start, work[0][:count], level, ratio)
            for n in range(count):
                level[n] = static_gain_db(level[n] - knee_start, slope, knee, cap)
            smooth = gain_db[song][start + 1 :]
            for n in range(count):
                g = smooth_gain_db(g, level[n], attack, release)
                smooth[n] = g
            if abs(g) < DENORMAL_LIMIT:
                g = 0.0
            _write_ratio(smooth, ratio)
            for channel in range(audio.shape[1]):
                x, out, gain = (
                    audio[song, channel][start:],
                    y[song, channel][start:],
                    gains[song, channel],
                )
                for n in range(count):
                    out[n] = np.float64(x[n]) * (ratio[n] * gain)


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _backward_rows(grad, audio, settings, gains, gain_db, grad_x, by_settings, by_gains):  # type: ignore[no-untyped-def]
    # Rows are longer than a block: at distances of 2ⁿ bytes, stores would delay later loads.
    work = np.empty((6, BACKWARD_BLOCK + 40))
    for song in range(audio.shape[0]):
        adjoint = 0.0  # α[n+1] λ[n+1] of the block behind
        for block in range((audio.shape[2] - 1) // BACKWARD_BLOCK, -1, -1):
            start = block * BACKWARD_BLOCK
            count = min(BACKWARD_BLOCK, audio.shape[2] - start)
            peak, level, ratio = work[0][:count], work[1][:count], work[2][:count]
            lam, pole, scaled = work[3][:count], work[4][:count], work[5][:count]
            before = gain_db[song][start : start + count]
            _write_levels(audio[song], start, peak, level, ratio)
            _write_ratio(gain_db[song][start + 1 :], ratio)
            lam[:] = 0.0
            for channel in range(audio.shape[1]):
                by_gains[song, channel] += _add_output_gradient(
                    grad[song, channel][start:], audio[song, channel][start:], ratio,
                    gains[song, channel], lam,
                )  # fmt: skip
            _write_poles(level, before, settings[song], pole)
            adjoint = _run_backwards(lam, ratio, pole, scaled, adjoint)
            _add_settings_gradient(
                lam, pole, before, level, peak, settings[song], by_settings[song]
            )
            for channel in range(audio.shape[1]):
                _write_audio_gradient(
                    grad[song, channel][start:], audio[song, channel][start:], ratio,
                    gains[song, channel], peak, lam, scaled, grad_x[song, channel][start:],
                )  # fmt: skip


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _write_ratio(gain_db, ratio):  # type: ignore[no-untyped-def]
    for n in range(len(ratio)):
        ratio[n] = fast_exp(gain_db[n] * NEPERS_PER_DB)


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _run_backwards(lam, ratio, pole, scaled, adjoint):  # type: ignore[no-untyped-def]
    """Replace the gradient of the ratio by λ; return α λ of the first sample.

    scaled: work space.
    """
    for n in range(len(lam)):
        lam[n] *= ratio[n] * NEPERS_PER_DB
        scaled[n] = pole[n] * lam[n]
    for n in range(len(lam) - 1, -1, -1):  # one multiply-add from sample to sample
        lam[n] += adjoint
        adjoint = pole[n] * adjoint + scaled[n]
    return adjoint


@njit(cache=True, nogil=True, fastmath=SUMS)
def _add_output_gradient(grad, x, ratio, gain, lam):  # type: ignore[no-untyped-def]
    """Add the gradient of one channel to that of the ratio; return that of its gain."""
    by_gain = 0.0
    for n in range(len(ratio)):
        product = np.float64(grad[n]) * np.float64(x[n])
        by_gain += product * ratio[n]
        lam[n] += product * gain
    return by_gain


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _write_poles(level, before, settings, pole):  # type: ignore[no-untyped-def]
    """Pole of each sample; replaces the level by that over the start of the knee."""
    slope, attack, release = settings[0], settings[1], settings[2]
    knee, cap = settings[4], settings[5]
    knee_start = settings[3] - 0.5 * knee
    for n in range(len(pole)):
        over = level[n] - knee_start
        target = static_gain_db(over, slope, knee, cap)
        pole[n] = attack if target < before[n] else release
        level[n] = over


@njit(cache=True, nogil=True, fastmath=SUMS)
def _add_settings_gradient(lam, pole, before, over, peak, settings, by):  # type: ignore[no-untyped-def]
    """Add the gradient of the settings; replace λ by the gradient of the peak."""
    slope, knee, cap = settings[0], settings[4], settings[5]
    per_knee = 1.0 / knee
    by_slope = by_attack = by_release = by_threshold = by_knee = 0.0
    for n in range(len(lam)):
        inside = min(max(over[n], 0.0), knee)
        share = inside * per_knee  # derivative of the excess to the level
        excess = 0.5 * inside * share + max(over[n] - knee, 0.0)
        reduction = slope * excess
        change = lam[n] * (before[n] + min(reduction, cap))
        is_attack = -min(reduction, cap) < before[n]
        by_attack += change if is_attack else 0.0
        by_release += 0.0 if is_attack else change
        by_curve = lam[n] * (1.0 - pole[n]) if reduction <= cap else 0.0
        by_slope -= by_curve * excess
        by_excess = -by_curve * slope
        by_threshold -= by_excess * share
        by_knee += by_excess * 0.5 * share * (1.0 - share)
        lam[n] = by_excess * share / (NEPERS_PER_DB * peak[n])
    by[0] += by_slope
    by[1] += by_attack
    by[2] += by_release
    by[3] += by_threshold
    by[4] += by_knee


@njit(cache=True, nogil=True, fastmath=FASTMATH)
def _write_audio_gradient(grad, x, ratio, gain, peak, by_peak, signed, grad_x):  # type: ignore[no-untyped-def]
    """Gradient of one channel; the first channel at the peak gets the gradient of the peak.

    signed: work space.
    """
    for n in range(len(ratio)):
        taken = by_peak[n] if abs(np.float64(x[n])) == peak[n] else 0.0
        by_peak[n] -= taken
        signed[n] = taken * math.copysign(1.0, np.float64(x[n]))
    for n in range(len(ratio)):  # of its own: a loop over more arrays is not vectorised
        grad_x[n] = np.float64(grad[n]) * (ratio[n] * gain) + signed[n]
