"""True peak: the peak of the waveform between samples, where converters and codecs clip.

ITU-R BS.1770-4, Annex 2: the absolute maximum after oversampling by four. The interpolator is a
windowed sinc, h(t) = sinc(t) · kaiser(t / half), whose zeros are at the other samples: the samples
are unchanged, and only the phases between them are computed.

A meter without gradient: a compiled kernel on the CPU, a convolution on a GPU. The gain of a
limiter has its own kernel, with gradient: `dsp.required_gain`.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from ai_mixer.dsp.operators import can_branch, empty_like, operator
from ai_mixer.dsp.recursions import as_rows, run_on_rows
from ai_mixer.utils.compilation import njit


class Interpolator(NamedTuple):
    """Windowed sinc with `half` samples on each side and a Kaiser window of parameter `beta`."""

    half: int
    beta: float


# Two interpolators, because values between samples near half the sample rate depend on the filter:
# music differs by hundredths of a dB, white noise by half a dB.
SHARP = Interpolator(48, 6.0)  # flat to 0.48 of the sample rate, like a good converter
SOFT = Interpolator(10, 5.0)  # short, like most meters
BLOCK_SAMPLES = 256  # block size of the kernel: its data stays in the L1 cache
# Each phase of both is at most a point on the straight line between its two neighbours, plus a sum
# of second differences x[n] − 2 x[n+1] + x[n+2] in its range with a total weight of at most
# CURVATURE_WEIGHT. Music has a low curvature, so most of it has no peak above its loudest samples.
CURVATURE_WEIGHT = 0.645
# A closer bound: each phase of both is a sum of the two samples on each side of the gap and the
# half-way value, with a total weight of NEAR_WEIGHT, and a remainder with a total weight of
# FAR_WEIGHT. So no phase exceeds NEAR_WEIGHT · the largest of these five + FAR_WEIGHT · the loudest
# sample in range. The tests compute the weights.
NEAR_WEIGHT, FAR_WEIGHT = 1.33, 0.07
CHUNK_SAMPLES = 1 << 20  # `true_peak` processes parts, which limits its memory


@torch.no_grad()
def true_peak(x: Tensor, oversample: int = 4) -> Tensor:
    """Largest absolute value of the oversampled waveform over channels and time. No gradient.

    x: [B, C, T]. Returns [B], a ratio to full scale: 1 = 0 dBTP.
    ValueError if `oversample` is below 1.
    """
    length = x.shape[-1]
    # Parts that cannot exceed the largest sample of every song need no exact envelope.
    low, high = x.flatten(1).aminmax(dim=1)
    floor = float(torch.maximum(-low, high).min()) if can_branch(x) else 0.0
    peaks = []
    for start in range(0, length, CHUNK_SAMPLES):
        left = min(start, SHARP.half)
        part = x[..., start - left : start + CHUNK_SAMPLES + SHARP.half]
        envelope = true_peak_envelope(part, oversample, floor=floor)
        peaks.append(envelope[..., left : left + CHUNK_SAMPLES].amax(dim=(1, 2)))
    return torch.stack(peaks).amax(dim=0)


@torch.no_grad()
def true_peak_envelope(
    x: Tensor, oversample: int = 4, interpolator: Interpolator = SHARP, floor: float = 0.0
) -> Tensor:
    """Per sample, the largest absolute value of the waveform less than one sample away from it.

    x: [B, C, T]. Returns [B, C, T]. x is silent outside its length; ringing before and after it
    counts for the first and last sample. Values below `floor` need not be exact, which is faster.
    No gradient. ValueError if `oversample` is below 1.
    """
    if oversample < 1:
        raise ValueError(f"oversample must be 1 or more, got {oversample}")
    if oversample == 1:
        return x.abs()
    envelope: Tensor = _true_peak_envelope(x.detach(), oversample, *interpolator, floor)
    return envelope


@operator(empty_like(0))
def _true_peak_envelope(x: Tensor, oversample: int, half: int, beta: float, floor: float) -> Tensor:
    rows, filters = as_rows(x), phase_filters(oversample, Interpolator(half, beta)).numpy()
    taps = np.roll(filters, -(len(filters) // 2), axis=0).astype(rows.dtype)  # phase 1/2 first
    out = np.empty_like(rows)
    run_on_rows(lambda *pair: _envelope_rows(*pair, taps, floor), rows, out)
    return torch.from_numpy(out).view(x.shape).to(x)


class EnvelopeStream:
    """`true_peak_envelope` of a song in blocks, with a delay of `half` samples."""

    def __init__(self, oversample: int = 4, interpolator: Interpolator = SHARP) -> None:
        self._oversample, self._interpolator = oversample, interpolator
        self._buffer: Tensor | None = None
        self._emitted = 0  # samples of the buffer whose envelope was returned

    def push(self, x: Tensor, floor: float = 0.0) -> Tensor:
        """Process the next block, [B, C, n]; returns the known part of the envelope, [B, C, ~n]."""
        half = self._interpolator.half
        x = x if self._buffer is None else torch.cat([self._buffer, x], dim=-1)
        envelope = true_peak_envelope(x, self._oversample, self._interpolator, floor)
        end = max(self._emitted, x.shape[-1] - half)
        known = envelope[..., self._emitted : end]
        start = max(0, end - half)
        self._buffer, self._emitted = x[..., start:], end - start
        return known

    def finish(self, floor: float = 0.0) -> Tensor:
        """Return the envelope of the last `half` samples."""
        assert self._buffer is not None
        half = self._interpolator.half
        return self.push(self._buffer.new_zeros(*self._buffer.shape[:-1], half), floor)


class TruePeakMeter:
    """`true_peak` of songs in blocks."""

    def __init__(self) -> None:
        self._stream = EnvelopeStream()
        self._peak: Tensor | None = None

    def push(self, x: Tensor) -> None:
        """Append the next block, [B, C, n]."""
        self._update_peak(self._stream.push(x, self._floor))

    def read(self) -> Tensor:
        """Return the true peak so far, [B], 1 = 0 dBTP, and end the song."""
        self._update_peak(self._stream.finish(self._floor))
        assert self._peak is not None
        return self._peak

    @property
    def _floor(self) -> float:
        return 0.0 if self._peak is None else float(self._peak.min())

    def _update_peak(self, envelope: Tensor) -> None:
        if envelope.shape[-1]:
            peak = envelope.amax(dim=(1, 2))
            self._peak = peak if self._peak is None else torch.maximum(self._peak, peak)


def envelope_by_convolution(x: Tensor, oversample: int, interpolator: Interpolator) -> Tensor:
    """`true_peak_envelope` of differentiable operations, on any device."""
    filters, half = _design_filters(oversample, interpolator, x.device), interpolator.half
    rows = pad(x.reshape(-1, 1, x.shape[-1]), (half, half))
    phases = conv1d(rows, filters.to(x.dtype)[:, None])
    between = phases.abs().amax(dim=1).view(*x.shape[:-1], -1)  # T + 1 gaps; n: before sample n
    return torch.maximum(x.abs(), torch.maximum(between[..., :-1], between[..., 1:]))


@lru_cache
@torch.inference_mode(False)  # the cached result may be used in training later
def phase_filters(oversample: int, interpolator: Interpolator = SHARP) -> Tensor:
    """Filters of the phases 1/oversample, 2/oversample …: [oversample − 1, 2 · half] float64."""
    return _design_filters(oversample, interpolator, torch.device("cpu"))


def _design_filters(oversample: int, interpolator: Interpolator, device: torch.device) -> Tensor:
    """Compute `phase_filters` on a device, which avoids a copy to it."""
    half, beta = interpolator
    phase = torch.arange(1, oversample, device=device).double()[:, None] / oversample
    time = phase - torch.arange(1 - half, half + 1, device=device)
    window = torch.special.i0(beta * (1.0 - (time / half).square()).sqrt()) / float(np.i0(beta))
    return torch.sinc(time) * window


@lru_cache
def max_peak_ratio(oversample: int = 4, interpolator: Interpolator = SHARP) -> float:
    """Upper bound of the ratio of true peak to sample peak: Σ|h| of the worst phase."""
    if oversample == 1:
        return 1.0
    return float(phase_filters(oversample, interpolator).abs().sum(1).amax())


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def max_between_samples(x, filters, start, best, scratch):  # type: ignore[no-untyped-def]
    """Update best[i] with the largest phase between the samples start + i − 1 and start + i.

    scratch: at least as long as best, of x's type.
    """
    taps = filters.shape[1]
    count = len(best)
    phase = scratch[:count]
    for p in range(filters.shape[0]):
        phase[:] = 0
        whole = taps - taps % 8
        for k in range(0, whole, 8):  # eight taps per pass: an eighth of the stores
            h0, h1, h2, h3 = filters[p, k], filters[p, k + 1], filters[p, k + 2], filters[p, k + 3]
            h4, h5, h6, h7 = (
                filters[p, k + 4],
                filters[p, k + 5],
                filters[p, k + 6],
                filters[p, k + 7],
            )
            part = x[start + k : start + k + count + 7]
            for i in range(count):
                phase[i] += (
                    h0 * part[i]
                    + h1 * part[i + 1]
                    + h2 * part[i + 2]
                    + h3 * part[i + 3]
                    + h4 * part[i + 4]
                    + h5 * part[i + 5]
                    + h6 * part[i + 6]
                    + h7 * part[i + 7]
                )
        for k in range(whole, taps - 3, 4):
            h0, h1, h2, h3 = filters[p, k], filters[p, k + 1], filters[p, k + 2], filters[p, k + 3]
            part = x[start + k : start + k + count + 3]
            for i in range(count):
                phase[i] += h0 * part[i] + h1 * part[i + 1] + h2 * part[i + 2] + h3 * part[i + 3]
        for k in range(taps - taps % 4, taps):
            for i in range(count):
                phase[i] += filters[p, k] * x[start + k + i]
        for i in range(count):
            best[i] = max(best[i], abs(phase[i]))


@njit(cache=True, nogil=True)
def max_abs(x):  # type: ignore[no-untyped-def]
    """Largest absolute sample."""
    largest = x[0] * 0
    for i in range(0, len(x) - 3, 4):  # pairs: the maxima do not depend on each other
        left, right = max(abs(x[i]), abs(x[i + 1])), max(abs(x[i + 2]), abs(x[i + 3]))
        largest = max(largest, left, right)
    for i in range(len(x) - len(x) % 4, len(x)):
        largest = max(largest, abs(x[i]))
    return largest


@njit(cache=True, nogil=True)
def may_exceed(x, half, floor, curvature_weight):  # type: ignore[no-untyped-def]
    """Whether a phase next to the samples x[half] … x[−half − 1] may exceed the floor.

    By the bound of `CURVATURE_WEIGHT`. Counts all samples, which is vectorised. False for NaN.
    """
    near = max_abs(x[half - 1 : len(x) - half + 1])
    if near > floor:
        return True
    max_curvature = (floor - near) / curvature_weight
    count = 0
    for i in range(len(x) - 2):
        count += abs((x[i] - x[i + 1]) - (x[i + 1] - x[i + 2])) > max_curvature
    return count > 0


@njit(cache=True, nogil=True)
def _envelope_rows(rows, out, filters, floor):  # type: ignore[no-untyped-def]
    half = filters.shape[1] // 2
    length = rows.shape[1]
    halves = 1 if filters.shape[0] % 2 else 0  # 1 if the phases include 1/2
    padded = np.zeros(length + 2 * half, rows.dtype)
    best = np.empty(BLOCK_SAMPLES + 1, rows.dtype)
    scratch = np.empty_like(best)
    for row in range(rows.shape[0]):
        padded[half : half + length] = rows[row]
        for start in range(0, length, BLOCK_SAMPLES):
            count = min(BLOCK_SAMPLES, length - start)
            part = best[: count + 1]
            part[:] = 0
            context = padded[start : start + count + 2 * half]
            if may_exceed(context, half, floor, CURVATURE_WEIGHT):
                max_between_samples(padded, filters[:halves], start, part, scratch)
                bound = max(part.max(), max_abs(context)) * (NEAR_WEIGHT + FAR_WEIGHT)
                if halves == 0 or bound > floor:
                    max_between_samples(padded, filters[halves:], start, part, scratch)
            for i in range(count):
                n = start + i
                out[row, n] = max(abs(rows[row, n]), best[i], best[i + 1])
