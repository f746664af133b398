"""The gain that every sample needs to keep the peaks beside it, between samples too, at bay.

Peaks are those of both interpolators of `dsp.true_peak` and of all channels. Most audio is never
near it, so the compiled kernel looks three times, closer each time, and every look leaves
out only what provably cannot matter:

1. A block's samples stay below it, and bend too little for more between them (`BEND`).
2. The waveform half-way between the samples.
3. The other phases, in the gaps that samples and half-way value leave in doubt (`NEAR_WEIGHT`, `FAR_WEIGHT`).

On a GPU convolutions compute everything. The gradient on the CPU is written by hand.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

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

INTERPOLATORS = (SHARP, SOFT)
CONTEXT_SAMPLES = SHARP.half  # samples needed each side of those that a gain is wanted for
BLOCK_SAMPLES = 256  # samples at a time in the kernel: what it works on stays in the first cache
GAPS_PER_GROUP = 32  # gaps at a time in the third look: four vectors


class PruningBounds(NamedTuple):
    """What the three looks compare with; infinite numbers leave nothing out."""

    curvature_weight: float = CURVATURE_WEIGHT
    near_weight: float = NEAR_WEIGHT
    far_weight: float = FAR_WEIGHT


def required_gain_db(
    x: Tensor,
    threshold: float,
    target: float,
    oversample: int = 8,
    bounds: PruningBounds | None = None,
) -> Tensor:
    """The gain in dB, at most 0, that brings peaks over `threshold` to `target` (ratios to 1).

    x: [B, C, T + 2 · AROUND]: the samples before and after are heard, too. oversample: even.
    Returns [B, T] float64: 0 where nothing exceeds the threshold. Once differentiable; the gradient
    goes to the samples that the peak was made of.
    """
    if x.is_cuda:
        envelopes = [
            envelope_by_convolution(x, phase_filters(oversample, kind)) for kind in INTERPOLATORS
        ]
        peak = torch.maximum(*envelopes)[..., CONTEXT_SAMPLES:-CONTEXT_SAMPLES].amax(dim=1).double()
        return torch.where(
            peak > threshold, 20 * torch.log10(target / peak.clamp_min(threshold)), 0.0
        )
    bounds = bounds or PruningBounds()
    return _RequiredGain.apply(x, threshold, target, oversample, bounds)  # type: ignore[no-untyped-call]


@lru_cache
def max_overshoot(oversample: int = 8) -> float:
    """By what ratio a peak can exceed the loudest sample around it at most."""
    return max(max_peak_ratio(oversample, kind) for kind in INTERPOLATORS)


class _RequiredGain(torch.autograd.Function):
    """dB of a peak: its derivative is 20 / ln 10 / peak, times the filter's taps."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, threshold: float, target: float, oversample: int, bounds: PruningBounds
    ) -> Tensor:
        heard = _to_array(x)
        needed = np.empty((len(heard), heard.shape[-1] - 2 * CONTEXT_SAMPLES))
        filters = _filters(oversample, heard.dtype)
        run_on_rows(
            lambda *pair: _required_gain_rows(*pair, *filters, threshold, target, bounds),  # type: ignore[call-arg]
            heard,
            needed,
        )
        ctx.filters, ctx.needed = filters, needed
        ctx.save_for_backward(x)
        return torch.from_numpy(needed)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        (x,) = ctx.saved_tensors
        grad_x = np.zeros_like(_to_array(x))
        given = (as_rows(grad), ctx.needed, _to_array(x), grad_x)
        run_on_rows(lambda *four: _required_gain_backward(*four, *ctx.filters), *given)
        return torch.from_numpy(grad_x).to(x), None, None, None, None


def _to_array(x: Tensor) -> Array:
    return as_rows(x).reshape(x.shape)


@lru_cache
def _filters(oversample: int, dtype: Any) -> tuple[Array, Array]:
    """Both kinds' phases, 1/2 first."""
    sharp, soft = (
        np.roll(phase_filters(oversample, kind).numpy(), -(oversample // 2 - 1), axis=0).astype(
            dtype
        )
        for kind in INTERPOLATORS
    )
    return sharp, soft


@njit(cache=True, nogil=True)
def _any_over(x, limit):  # type: ignore[no-untyped-def]
    """Counting to the end is vectorised, stopping at the first is not. NaN is not over."""
    count = 0
    for i in range(len(x)):
        count += abs(x[i]) > limit
    return count > 0


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _interpolate(x, taps):  # type: ignore[no-untyped-def]
    """The waveform at one point: x and taps of the same length."""
    value = x[0] * 0
    for k in range(len(taps)):
        value += taps[k] * x[k]
    return value


@njit(cache=True, nogil=True)
def _required_gain_rows(heard, needed, sharp, soft, threshold, target, bounds):  # type: ignore[no-untyped-def]
    gaps, near = np.empty(BLOCK_SAMPLES + 1, heard.dtype), np.empty(BLOCK_SAMPLES + 1, heard.dtype)
    peak = np.empty(BLOCK_SAMPLES, heard.dtype)
    for song in range(needed.shape[0]):
        for start in range(0, needed.shape[1], BLOCK_SAMPLES):
            count = min(BLOCK_SAMPLES, needed.shape[1] - start)
            heights = peak[:count]
            heights[:] = 0
            for channel in range(heard.shape[1]):
                x = heard[song, channel, start : start + count + 2 * CONTEXT_SAMPLES]
                if not may_exceed(x, CONTEXT_SAMPLES, threshold, bounds.curvature_weight):
                    continue
                doubt = (threshold - bounds.far_weight * max_abs(x)) / bounds.near_weight
                for filters in (sharp, soft):
                    _max_in_gaps(x, filters, doubt, gaps[: count + 1], near[: count + 1])
                    _update_peaks(heights, x[CONTEXT_SAMPLES : CONTEXT_SAMPLES + count], gaps)
            if not _any_over(heights, threshold):
                needed[song, start : start + count] = 0
                continue
            for i in range(count):
                over = peak[i] > threshold
                needed[song, start + i] = 20.0 * math.log10(target / peak[i]) if over else 0.0


@njit(cache=True, nogil=True)
def _max_in_gaps(x, filters, doubt, gaps, near):  # type: ignore[no-untyped-def]
    """gaps[i]: the largest phase between the samples AROUND + i − 1 and AROUND + i of x."""
    taps = filters.shape[1]
    first = CONTEXT_SAMPLES - taps // 2
    gaps[:] = 0
    max_between_samples(x, filters[:1], first, gaps)
    _max_of_neighbours(x[CONTEXT_SAMPLES - 2 :], gaps, near)
    for start in range(0, len(gaps), GAPS_PER_GROUP):
        group = gaps[start : start + GAPS_PER_GROUP]
        if _any_over(near[start : start + GAPS_PER_GROUP], doubt):
            max_between_samples(x, filters[1:], first + start, group)


@njit(cache=True, nogil=True)
def _max_of_neighbours(x, gaps, near):  # type: ignore[no-untyped-def]
    """The largest of each gap's half-way value and the two samples each side."""
    for i in range(len(near)):
        left, right = max(abs(x[i]), abs(x[i + 1])), max(abs(x[i + 2]), abs(x[i + 3]))
        near[i] = max(gaps[i], left, right)


@njit(cache=True, nogil=True)
def _update_peaks(peak, x, gaps):  # type: ignore[no-untyped-def]
    """A sample's peak is its own, or one in the gap before or behind it."""
    for i in range(len(peak)):
        peak[i] = max(abs(x[i]), peak[i], gaps[i], gaps[i + 1])


@njit(cache=True, nogil=True)
def _required_gain_backward(grad, needed, heard, grad_x, sharp, soft):  # type: ignore[no-untyped-def]
    factor = -20.0 / math.log(10.0)
    for song in range(needed.shape[0]):
        for n in range(needed.shape[1]):
            if needed[song, n] == 0 or grad[song, n] == 0:
                continue
            best, channel, first, phase, kind = 0.0, 0, 0, -1, 0
            for c in range(heard.shape[1]):
                x = heard[song, c]
                if abs(x[CONTEXT_SAMPLES + n]) > abs(best):
                    best, channel, first, phase = x[CONTEXT_SAMPLES + n], c, CONTEXT_SAMPLES + n, -1
                for k, filters in enumerate((sharp, soft)):
                    taps = filters.shape[1]
                    for begin in (
                        CONTEXT_SAMPLES + n - taps // 2,
                        CONTEXT_SAMPLES + n - taps // 2 + 1,
                    ):
                        for p in range(filters.shape[0]):
                            value = _interpolate(x[begin : begin + taps], filters[p])
                            if abs(value) > abs(best):
                                best, channel, first, phase, kind = value, c, begin, p, k
            slope = factor * grad[song, n] / best
            if phase < 0:
                grad_x[song, channel, first] += slope
                continue
            winner = sharp[phase] if kind == 0 else soft[phase]
            for k in range(len(winner)):
                grad_x[song, channel, first + k] += slope * winner[k]
