"""The peak of the waveform between the samples, where converters and codecs clip.

ITU-R BS.1770-4, Annex 2: oversample four times, take the absolute maximum. The interpolator is a
windowed sinc, h(t) = sinc(t) · kaiser(t / half), whose zeros fall on the other samples: the samples
themselves are kept, only the phases between them are computed.

A meter, without a gradient: on the CPU a compiled kernel, on a GPU a convolution. The gain that a
limiter needs has its own kernel and a gradient: `dsp.needed_gain`.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.nn.functional import conv1d, pad

from ai_mixer.dsp.recursions import as_rows, run_on_rows


class Interpolator(NamedTuple):
    """A windowed sinc: `half` samples each side, Kaiser window `beta`."""

    half: int
    beta: float


# Two, because near half the sample rate there is no one answer: what a value between two samples is
# depends on the filter. Music differs by hundredths of a dB, white noise by half a dB.
SHARP = Interpolator(48, 6.0)  # flat to 0.48 of the sample rate, as a good converter is
SOFT = Interpolator(10, 5.0)  # short and gentle, as most meters are
BLOCK_SAMPLES = 256  # samples at a time in the kernel: what it works on stays in the first cache
# Every phase of both is a point on the straight line between the two samples beside it, or a little
# less, and a sum of second differences x[n] − 2 x[n+1] + x[n+2] within reach whose weights are BEND
# together. Music bends little, so most of it provably has no peak above its loudest samples.
CURVATURE_WEIGHT = 0.645
# Closer: every phase of both is a sum of the two samples each side of the gap and the half-way
# value, with weights of NEAR together, and a rest whose taps are FAR together. So no phase exceeds
# NEAR · the largest of these five + FAR · the loudest sample within reach. Tests find the weights.
NEAR_WEIGHT, FAR_WEIGHT = 1.33, 0.07
CHUNK_SAMPLES = (
    1 << 20
)  # samples at a time in `true_peak`: a whole song needs no second song of memory


@torch.no_grad()
def true_peak(x: Tensor, oversample: int = 4) -> Tensor:
    """Largest absolute value of the oversampled waveform over channels and time. No gradient.

    x: [B, C, T]. Returns [B], a ratio to full scale: 1 = 0 dBTP.
    ValueError if `oversample` is below 1.
    """
    length = x.shape[-1]
    # Where nothing can exceed every song's largest sample there is no need to look closely.
    low, high = x.flatten(1).aminmax(dim=1)
    floor = float(torch.maximum(-low, high).min())
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
    """Per sample, the largest absolute value less than one sample away from it.

    x: [B, C, T]. Returns [B, C, T]. The waveform is silent before and after x, and what rings out
    past its ends counts for the first and last sample. Where nothing exceeds `floor` the result may
    be lower than that, which is faster. No gradient.
    ValueError if `oversample` is below 1.
    """
    if oversample < 1:
        raise ValueError(f"oversample must be 1 or more, got {oversample}")
    if oversample == 1:
        return x.abs()
    filters = phase_filters(oversample, interpolator)
    if x.is_cuda:
        return envelope_by_convolution(x, filters)
    rows = as_rows(x)
    own = np.roll(filters.numpy(), -(len(filters) // 2), axis=0).astype(rows.dtype)  # 1/2 first
    out = np.empty_like(rows)
    run_on_rows(lambda *pair: _envelope_rows(*pair, own, floor), rows, out)  # type: ignore[call-arg]
    return torch.from_numpy(out).view(x.shape).to(x)


class EnvelopeStream:
    """`true_peak_envelope` of a song that comes block by block, `half` samples late."""

    def __init__(self, oversample: int = 4, interpolator: Interpolator = SHARP) -> None:
        self._oversample, self._interpolator = oversample, interpolator
        self._buffer: Tensor | None = None
        self._emitted = 0  # of these, how many were told

    def push(self, x: Tensor, floor: float = 0.0) -> Tensor:
        """The next block, [B, C, n]. Returns the envelope of what is known now, [B, C, about n]."""
        half = self._interpolator.half
        x = x if self._buffer is None else torch.cat([self._buffer, x], dim=-1)
        envelope = true_peak_envelope(x, self._oversample, self._interpolator, floor)
        end = max(self._emitted, x.shape[-1] - half)
        known = envelope[..., self._emitted : end]
        kept = max(0, end - half)
        self._buffer, self._emitted = x[..., kept:], end - kept
        return known

    def finish(self, floor: float = 0.0) -> Tensor:
        """The envelope of the last `half` samples."""
        assert self._buffer is not None
        half = self._interpolator.half
        return self.push(self._buffer.new_zeros(*self._buffer.shape[:-1], half), floor)


class TruePeakMeter:
    """`true_peak` of songs that come block by block."""

    def __init__(self) -> None:
        self._stream = EnvelopeStream()
        self._peak: Tensor | None = None

    def push(self, x: Tensor) -> None:
        """The next block, [B, C, n]."""
        self._update_peak(self._stream.push(x, self._floor))

    def read(self) -> Tensor:
        """The highest peak of what came, [B]: 1 = 0 dBTP. Ends the song."""
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


def envelope_by_convolution(x: Tensor, filters: Tensor) -> Tensor:
    """The same for any device: x [B, C, T], filters [phases, 2 · half] → [B, C, T]."""
    half = filters.shape[1] // 2
    # Column n of `max_between_samples` holds the phases between sample n − 1 and sample n: T + 1 columns.
    rows = pad(x.reshape(-1, 1, x.shape[-1]), (half, half))
    max_between_samples = (
        conv1d(rows, filters.to(x)[:, None]).abs().amax(dim=1).view(*x.shape[:-1], -1)
    )
    return torch.maximum(
        x.abs(), torch.maximum(max_between_samples[..., :-1], max_between_samples[..., 1:])
    )


@lru_cache
@torch.inference_mode(False)  # cached: must serve training, whoever asks first
def phase_filters(oversample: int, interpolator: Interpolator = SHARP) -> Tensor:
    """[oversample − 1, 2 · half] float64: the filters of the phases 1/oversample, 2/oversample …"""
    half, beta = interpolator
    phase = np.arange(1, oversample)[:, None] / oversample
    time = phase - np.arange(1 - half, half + 1)
    window = np.i0(beta * np.sqrt(1 - (time / half) ** 2)) / np.i0(beta)
    return torch.from_numpy(np.sinc(time) * window)


@lru_cache
def max_peak_ratio(oversample: int = 4, interpolator: Interpolator = SHARP) -> float:
    """By what ratio a true peak can exceed the largest sample at most: Σ|h| of the worst phase."""
    if oversample == 1:
        return 1.0
    return float(phase_filters(oversample, interpolator).abs().sum(1).amax())


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def max_between_samples(x, filters, start, best):  # type: ignore[no-untyped-def]
    """Raise best[i] to the largest phase between the samples start + i − 1 and start + i."""
    taps = filters.shape[1]
    count = len(best)
    phase = np.empty(count, x.dtype)
    for p in range(filters.shape[0]):
        phase[:] = 0
        for k in range(0, taps - 3, 4):  # four taps a pass: a quarter of the loads and stores
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
    """The largest absolute sample."""
    largest = x[0] * 0
    for i in range(0, len(x) - 3, 4):  # in pairs: one maximum need not wait for the other
        left, right = max(abs(x[i]), abs(x[i + 1])), max(abs(x[i + 2]), abs(x[i + 3]))
        largest = max(largest, left, right)
    for i in range(len(x) - len(x) % 4, len(x)):
        largest = max(largest, abs(x[i]))
    return largest


@njit(cache=True, nogil=True)
def may_exceed(x, half, floor, bend):  # type: ignore[no-untyped-def]
    """Could a phase beside the samples x[half] … x[−half − 1] exceed the floor? See `CURVATURE_WEIGHT`.

    Counting to the end is vectorised, stopping at the first is not. NaN does not exceed.
    """
    near = max_abs(x[half - 1 : len(x) - half + 1])
    if near > floor:
        return True
    most = (floor - near) / bend
    count = 0
    for i in range(len(x) - 2):
        count += abs((x[i] - x[i + 1]) - (x[i + 1] - x[i + 2])) > most
    return count > 0


@njit(cache=True, nogil=True)
def _envelope_rows(rows, out, filters, floor):  # type: ignore[no-untyped-def]
    half = filters.shape[1] // 2
    length = rows.shape[1]
    halves = 1 if filters.shape[0] % 2 else 0  # is 1/2 among the phases?
    padded = np.zeros(length + 2 * half, rows.dtype)
    best = np.empty(BLOCK_SAMPLES + 1, rows.dtype)
    for row in range(rows.shape[0]):
        padded[half : half + length] = rows[row]
        for start in range(0, length, BLOCK_SAMPLES):
            count = min(BLOCK_SAMPLES, length - start)
            part = best[: count + 1]
            part[:] = 0
            around = padded[start : start + count + 2 * half]
            if may_exceed(around, half, floor, CURVATURE_WEIGHT):
                max_between_samples(padded, filters[:halves], start, part)
                if (
                    halves == 0
                    or max(part.max(), max_abs(around)) * (NEAR_WEIGHT + FAR_WEIGHT) > floor
                ):
                    max_between_samples(padded, filters[halves:], start, part)
            for i in range(count):
                n = start + i
                out[row, n] = max(abs(rows[row, n]), best[i], best[i + 1])
