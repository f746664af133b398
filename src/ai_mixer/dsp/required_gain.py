"""Gain that each sample requires so that the true peaks next to it stay under a ceiling.

Peaks are those of both interpolators of `dsp.true_peak` and of all channels. Most audio is far
below the ceiling, so the compiled kernel has three stages, each of which skips only what provably
stays below:

1. Blocks whose samples and curvature are too small for a peak between them (`CURVATURE_WEIGHT`).
2. The waveform half-way between samples.
3. The other phases, in gaps where samples and half-way values allow a peak over the ceiling
   (`NEAR_WEIGHT`, `FAR_WEIGHT`).

On a GPU all phases are computed by convolution. The gradient on the CPU is hand-written.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.operators import empty_like, gradient_by_vjp, operator, vjp
from ai_mixer.dsp.peak_gradient import add_peak_gradient, samples_at
from ai_mixer.dsp.recursions import Array, as_rows, run_on_rows
from ai_mixer.dsp.true_peak import (
    CURVATURE_WEIGHT,
    FAR_WEIGHT,
    NEAR_WEIGHT,
    SHARP,
    SOFT,
    envelope_by_convolution,
    max_abs,
    max_between_samples,
    max_peak_ratio,
    may_exceed,
    phase_filters,
)
from ai_mixer.utils.compilation import njit

INTERPOLATORS = (SHARP, SOFT)
CONTEXT_SAMPLES = SHARP.half  # samples needed on each side of those with a result
BLOCK_SAMPLES = 256  # block size of the kernel: its data stays in the L1 cache
GAPS_PER_GROUP = 32  # gaps processed together in the third stage: four vectors
SCRATCH_SHAPE = 5, BLOCK_SAMPLES + 2 * CONTEXT_SAMPLES  # work space of `required_gain_rows`


class PruningBounds(NamedTuple):
    """Weights of the skipping tests; with infinite weights nothing is skipped."""

    curvature_weight: float = CURVATURE_WEIGHT
    near_weight: float = NEAR_WEIGHT
    far_weight: float = FAR_WEIGHT


def required_gain_db(
    x: Tensor,
    threshold: float,
    target: float,
    oversample: int = 8,
    bounds: PruningBounds | None = None,
    margin: int = 0,
) -> Tensor:
    """Gain in dB, at most 0, that brings peaks over `threshold` to `target` (ratios to full scale).

    x: [B, C, T + 2 · CONTEXT_SAMPLES], with context on both sides. oversample: even. margin:
    samples of silence before and after x; they are not stored. Returns [B, T + 2 · margin] float64,
    0 where nothing exceeds the threshold. Exact derivatives of any order, to the samples that
    determine the peak.
    """
    limits = bounds or PruningBounds()
    needed: Tensor = _required_gain(x, threshold, target, oversample, limits, margin)
    return needed


def differentiable_gain_db(
    x: Tensor, threshold: float, target: float, oversample: int, margin: int = 0
) -> Tensor:
    """`required_gain_db` of differentiable operations, on any device."""
    x = pad(x, (margin, margin))
    envelopes = [envelope_by_convolution(x, oversample, kind) for kind in INTERPOLATORS]
    inner = torch.maximum(*envelopes)[..., CONTEXT_SAMPLES:-CONTEXT_SAMPLES]
    peak = inner.max(dim=1).values.double()
    return torch.where(peak > threshold, 20 * torch.log10(target / peak.clamp_min(threshold)), 0.0)


@lru_cache
def max_overshoot(oversample: int = 8) -> float:
    """Upper bound of the ratio of a true peak to the loudest sample around it."""
    return max(max_peak_ratio(oversample, kind) for kind in INTERPOLATORS)


def _fake_gain(x: Tensor, *constants: Any) -> Tensor:
    return x.new_empty(len(x), _result_size(x.shape[2], constants[-1]), dtype=torch.float64)


@operator(_fake_gain)
def _required_gain(
    x: Tensor,
    threshold: float,
    target: float,
    oversample: int,
    bounds: Sequence[float],
    margin: int,
) -> Tensor:
    audio = _to_array(x)
    needed = np.empty((len(audio), _result_size(audio.shape[2], margin)))
    filters, limits = peak_filters(oversample, audio.dtype), PruningBounds(*bounds)
    run_on_rows(
        lambda *rows: required_gain_rows(
            *rows, init_scratch(audio.dtype), *filters, threshold, target, limits
        ),
        audio,
        np.full(len(audio), -margin),
        needed,
    )
    return torch.from_numpy(needed)


@operator(empty_like(1), n_batched=3)
def _required_gain_backward(
    grad: Tensor,
    x: Tensor,
    needed: Tensor,
    threshold: float,
    target: float,
    oversample: int,
    margin: int,
) -> Tensor:
    audio = _to_array(x)
    grad_x = np.zeros_like(audio)
    filters = peak_filters(oversample, audio.dtype)
    add_peak_gradient(as_rows(grad), as_rows(needed), audio, grad_x, filters, margin)
    return torch.from_numpy(grad_x).to(x)


def _gain_gradient(
    grad: Tensor, x: Tensor, threshold: float, target: float, oversample: int, margin: int
) -> tuple[Tensor, ...]:
    return vjp(
        lambda x: differentiable_gain_db(x, threshold, target, oversample, margin), (x,), grad
    )


def _gradient(saved: Sequence[Tensor], constants: Sequence[Any], grad: Tensor) -> tuple[Tensor]:
    settings = *constants[:3], constants[-1]
    if grad.is_cuda:  # the kernel would be one thread per song, the convolution is all samples'
        return _gain_gradient(grad, saved[0], *settings)  # type: ignore[return-value]
    return (_required_gain_backward(grad, *saved, *settings),)


_required_gain.register_gradient(
    _gradient,
    save=lambda inputs, outputs: (inputs[0], *outputs),
)
_required_gain_backward.register_gradient(
    gradient_by_vjp(_gain_gradient, 2), save=lambda inputs, _: inputs[:2]
)


def _result_size(samples: int, margin: int) -> int:
    return samples + 2 * (margin - CONTEXT_SAMPLES)


def init_scratch(dtype: Any) -> Array:
    """Work space of `required_gain_rows` for audio of this type."""
    return np.empty(SCRATCH_SHAPE, dtype)


def _to_array(x: Tensor) -> Array:
    return as_rows(x).reshape(x.shape)


@lru_cache
def peak_filters(oversample: int, dtype: Any) -> tuple[Array, Array]:
    """Phase filters of both interpolators, with the phase 1/2 first: [phases, taps] each."""
    shift = 1 - oversample // 2
    sharp, soft = (
        np.roll(phase_filters(oversample, kind).numpy(), shift, axis=0).astype(dtype)
        for kind in INTERPOLATORS
    )
    return sharp, soft


@njit(cache=True, nogil=True)
def _any_over(x, limit):  # type: ignore[no-untyped-def]
    """Whether any |x| exceeds the limit; counts all, which is vectorised. False for NaN."""
    count = 0
    for i in range(len(x)):
        count += abs(x[i]) > limit
    return count > 0


@njit(cache=True, nogil=True)
def required_gain_rows(audio, first, needed, scratch, sharp, soft, threshold, target, bounds):  # type: ignore[no-untyped-def]
    """`required_gain_db` of audio [B, C, first + T + 2 · CONTEXT_SAMPLES] to needed [B, T].

    first: [B], samples to skip (a slice of audio would not be contiguous, and slow); if negative,
    samples of silence before audio. After audio there is silence too.
    """
    gaps, near, peak, phase, work = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    for song in range(needed.shape[0]):
        for start in range(0, needed.shape[1], BLOCK_SAMPLES):
            count = min(BLOCK_SAMPLES, needed.shape[1] - start)
            peaks = peak[:count]
            peaks[:] = 0
            for channel in range(audio.shape[1]):
                context = work[: count + 2 * CONTEXT_SAMPLES]
                x = samples_at(audio[song, channel], first[song] + start, context)
                if not may_exceed(x, CONTEXT_SAMPLES, threshold, bounds.curvature_weight):
                    continue
                limit = (threshold - bounds.far_weight * max_abs(x)) / bounds.near_weight
                for filters in (sharp, soft):
                    _max_in_gaps(x, filters, limit, gaps[: count + 1], near[: count + 1], phase)
                    _update_peaks(peaks, x[CONTEXT_SAMPLES : CONTEXT_SAMPLES + count], gaps)
            if not _any_over(peaks, threshold):
                needed[song, start : start + count] = 0
                continue
            for i in range(count):
                over = peak[i] > threshold
                needed[song, start + i] = 20.0 * math.log10(target / peak[i]) if over else 0.0


@njit(cache=True, nogil=True)
def _max_in_gaps(x, filters, limit, gaps, near, scratch):  # type: ignore[no-untyped-def]
    """gaps[i]: largest phase between samples CONTEXT_SAMPLES + i − 1 and CONTEXT_SAMPLES + i of x.

    Phases other than 1/2 are computed only where `near` exceeds the limit.
    """
    taps = filters.shape[1]
    first = CONTEXT_SAMPLES - taps // 2
    gaps[:] = 0
    max_between_samples(x, filters[:1], first, gaps, scratch)
    _max_of_neighbours(x[CONTEXT_SAMPLES - 2 :], gaps, near)
    for start in range(0, len(gaps), GAPS_PER_GROUP):
        group = gaps[start : start + GAPS_PER_GROUP]
        if _any_over(near[start : start + GAPS_PER_GROUP], limit):
            max_between_samples(x, filters[1:], first + start, group, scratch)


@njit(cache=True, nogil=True)
def _max_of_neighbours(x, gaps, near):  # type: ignore[no-untyped-def]
    """near[i]: maximum of the half-way value of gap i and the two samples on each side."""
    for i in range(len(near)):
        left, right = max(abs(x[i]), abs(x[i + 1])), max(abs(x[i + 2]), abs(x[i + 3]))
        near[i] = max(gaps[i], left, right)


@njit(cache=True, nogil=True)
def _update_peaks(peak, x, gaps):  # type: ignore[no-untyped-def]
    """peak[i]: maximum of sample i and the gaps before and after it."""
    for i in range(len(peak)):
        peak[i] = max(abs(x[i]), peak[i], gaps[i], gaps[i + 1])
