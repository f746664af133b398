"""The peak of the waveform between the samples, where converters and codecs clip.

ITU-R BS.1770-4, Annex 2: oversample four times, take the absolute maximum. The interpolator is a
windowed sinc, h(t) = sinc(t) · kaiser(t / half), whose zeros fall on the other samples: the samples
themselves are kept, only the phases between them are computed.

On the CPU a compiled kernel does it, with its gradient by hand; elsewhere a convolution.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv1d, pad

from ai_mixer.dsp.recursions import Array, as_rows, over_rows


class Interpolator(NamedTuple):
    """A windowed sinc: `half` samples each side, Kaiser window `beta`."""

    half: int
    beta: float


# Two, because near half the sample rate there is no one answer: what a value between two samples is
# depends on the filter. Music differs by hundredths of a dB, white noise by half a dB.
SHARP = Interpolator(48, 6.0)  # flat to 0.48 of the sample rate, as a good converter is
SOFT = Interpolator(10, 5.0)  # short and gentle, as most meters are
BLOCK = 256  # samples at a time in the kernel: what it works on stays in the first cache
BETWEEN_HALVES = 1.45  # Bernstein: no waveform rises further between points half a sample apart
CHUNK = 1 << 20  # samples at a time in `true_peak`: a whole song needs no second song of memory


def true_peak(x: Tensor, oversample: int = 4) -> Tensor:
    """Largest absolute value of the oversampled waveform over channels and time.

    x: [B, C, T]. Returns [B], a ratio to full scale: 1 = 0 dBTP.
    ValueError if `oversample` is below 1.
    """
    length = x.shape[-1]
    peaks = []
    for start in range(0, length, CHUNK):
        left = min(start, SHARP.half)
        part = x[..., start - left : start + CHUNK + SHARP.half]
        envelope = true_peak_envelope(part, oversample)
        peaks.append(envelope[..., left : left + CHUNK].amax(dim=(1, 2)))
    return torch.stack(peaks).amax(dim=0)


def true_peak_envelope(
    x: Tensor, oversample: int = 4, interpolator: Interpolator = SHARP, floor: float = 0.0
) -> Tensor:
    """Per sample, the largest absolute value less than one sample away from it.

    x: [B, C, T]. Returns [B, C, T]. The waveform is silent before and after x, and what rings out
    past its ends counts for the first and last sample. Where nothing exceeds `floor` the result may
    be lower than that, which is faster. ValueError if `oversample` is below 1.
    """
    if oversample < 1:
        raise ValueError(f"oversample must be 1 or more, got {oversample}")
    if oversample == 1:
        return x.abs()
    filters = phases(oversample, interpolator)
    if x.is_cuda:
        return envelope_by_convolution(x, filters)
    return _Envelope.apply(x, filters.numpy(), floor)  # type: ignore[no-untyped-call]


def envelope_by_convolution(x: Tensor, filters: Tensor) -> Tensor:
    """The same for any device: x [B, C, T], filters [phases, 2 · half] → [B, C, T]."""
    half = filters.shape[1] // 2
    # Column n of `between` holds the phases between sample n − 1 and sample n: T + 1 columns.
    rows = pad(x.reshape(-1, 1, x.shape[-1]), (half, half))
    between = conv1d(rows, filters.to(x)[:, None]).abs().amax(dim=1).view(*x.shape[:-1], -1)
    return torch.maximum(x.abs(), torch.maximum(between[..., :-1], between[..., 1:]))


@lru_cache
@torch.inference_mode(False)  # cached: must serve training, whoever asks first
def phases(oversample: int, interpolator: Interpolator = SHARP) -> Tensor:
    """[oversample − 1, 2 · half] float64: the filters of the phases 1/oversample, 2/oversample …"""
    half, beta = interpolator
    phase = np.arange(1, oversample)[:, None] / oversample
    time = phase - np.arange(1 - half, half + 1)
    window = np.i0(beta * np.sqrt(1 - (time / half) ** 2)) / np.i0(beta)
    return torch.from_numpy(np.sinc(time) * window)


def overshoot(oversample: int = 4, interpolator: Interpolator = SHARP) -> float:
    """By what ratio a true peak can exceed the largest sample at most: Σ|h| of the worst phase."""
    if oversample == 1:
        return 1.0
    return float(phases(oversample, interpolator).abs().sum(1).amax())


class _Envelope(torch.autograd.Function):
    """The gradient of a maximum goes to the samples that the winning value was made of."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, filters: Array, floor: float) -> Tensor:
        rows = as_rows(x)
        out = np.empty_like(rows)
        # What one block can reach at most is the loudest sample around it times this.
        reach = float(np.abs(filters).sum(axis=1).max())
        own = np.roll(filters, -(len(filters) // 2), axis=0).astype(rows.dtype)  # 1/2 first
        over_rows(lambda *pair: _envelope_rows(*pair, own, floor, reach), rows, out)  # type: ignore[call-arg]
        envelope = torch.from_numpy(out).view(x.shape).to(x)
        ctx.filters = own
        ctx.save_for_backward(x, envelope)
        return envelope

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        x, envelope = ctx.saved_tensors
        rows = as_rows(x)
        grad_x = np.zeros_like(rows)
        given = (as_rows(grad), rows, as_rows(envelope), grad_x)
        over_rows(lambda *four: _envelope_backward(*four, ctx.filters), *given)  # type: ignore[call-arg]
        return torch.from_numpy(grad_x).view(x.shape).to(x), None, None


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def between(x, filters, start, best):  # type: ignore[no-untyped-def]
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
def _envelope_rows(rows, out, filters, floor, reach):  # type: ignore[no-untyped-def]
    half = filters.shape[1] // 2
    length = rows.shape[1]
    halves = 1 if filters.shape[0] % 2 else 0  # is 1/2 among the phases?
    padded = np.zeros(length + 2 * half, rows.dtype)
    best = np.empty(BLOCK + 1, rows.dtype)
    for row in range(rows.shape[0]):
        padded[half : half + length] = rows[row]
        for start in range(0, length, BLOCK):
            count = min(BLOCK, length - start)
            part = best[: count + 1]
            part[:] = 0
            loudest = np.abs(padded[start : start + count + 2 * half]).max()
            if loudest * reach > floor:
                between(padded, filters[:halves], start, part)
                if halves == 0 or max(part.max(), loudest) * BETWEEN_HALVES > floor:
                    between(padded, filters[halves:], start, part)
            for i in range(count):
                n = start + i
                out[row, n] = max(abs(rows[row, n]), best[i], best[i + 1])


@njit(cache=True, nogil=True)
def _envelope_backward(grad, rows, envelope, grad_x, filters):  # type: ignore[no-untyped-def]
    half = filters.shape[1] // 2
    length = rows.shape[1]
    for row in range(rows.shape[0]):
        for n in range(length):
            g, x = grad[row, n], rows[row, n]
            if g == 0:
                continue
            if envelope[row, n] == abs(x):
                grad_x[row, n] += g * np.sign(x)
                continue
            loudest, phase, first = 0.0, 0, 0
            for begin in (n - half, n - half + 1):  # the gap before the sample and that behind it
                for p in range(filters.shape[0]):
                    value = 0.0
                    for k in range(max(0, -begin), min(2 * half, length - begin)):
                        value += filters[p, k] * rows[row, begin + k]
                    if abs(value) > abs(loudest):
                        loudest, phase, first = value, p, begin
            for k in range(max(0, -first), min(2 * half, length - first)):
                grad_x[row, first + k] += g * np.sign(loudest) * filters[phase, k]
