"""Convolution with a long response for audio that comes block by block, without latency.

The response is cut into equal partitions (Gardner, "Efficient Convolution without Input-Output
Delay", JAES 43(3), 1995; Wefers, "Partitioned Convolution Algorithms for Real-Time Auralization",
2015). The first two partitions are summed sample by sample. The others are multiplied with the
input's spectra while the next partition's worth of input comes in, an equal share with each block,
so that no block has to do it all.

Two real channels go through one complex transform. In float32: the error is below −115 dB.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from ai_mixer.dsp.recursions import FASTMATH_FLAGS, Array

PARTITION_S = 0.012  # about: longer takes more in the first two partitions, shorter in the others
DENORMAL_INPUT_LIMIT = (
    1e-30  # an input below this is 0: products would be denormal numbers, which are slow
)


class ConvolverState(NamedTuple):
    """A response, and what has been heard of the input: nothing yet.

    numbers: size of a partition, how many; position in the partition, newest spectrum, partitions
    multiplied so far. samples: float32, see `_buffer_views`.
    """

    numbers: Array
    samples: Array


def init_convolver(response: Array, sample_rate: int) -> ConvolverState:
    """response: [output, input, T], one or two of each. See `convolve`."""
    channels, _, taps = response.shape
    size = 1 << max(4, round(math.log2(PARTITION_S * sample_rate)))
    partitions = max(1, -(-taps // size) - 2)
    samples = np.zeros(_buffer_size(channels, size, partitions), np.float32)
    spectra, _, _, _, _, head, _, turns = _buffer_views(samples, channels, size, partitions)
    padded = np.zeros((channels, channels, (2 + partitions) * size))
    padded[..., :taps] = response
    head[:] = padded[..., : 2 * size]
    cut = padded[..., 2 * size :].reshape(channels, channels, partitions, size)
    transformed = np.fft.rfft(cut, n=2 * size).transpose(2, 0, 1, 3) / (2 * size)
    spectra[..., 0, :], spectra[..., 1, :] = transformed.real, transformed.imag
    angle = -np.pi * np.arange(size) / size
    turns[:] = np.cos(angle), np.sin(angle)
    return ConvolverState(np.array([size, partitions, 0.0, 0.0, 0.0]), samples)


def _buffer_size(channels: int, size: int, partitions: int) -> int:
    """How many samples `_buffer_views` shares out."""
    spectra = 2 * (size + 1) * channels * (partitions * (channels + 1) + 1)
    return spectra + size * (channels * (4 + 2 * channels) + 10)


@njit(cache=True, nogil=True)
def _buffer_views(samples, channels, size, partitions):  # type: ignore[no-untyped-def]
    """Views of the one array that holds everything.

    The response's spectra [partitions, output, input, 2, bins], real and imaginary parts apart; the
    input's spectra [partitions, input, 2, bins], a ring; their products' sums [output, 2, bins];
    the input's last three partitions [input, 3 · size], the third is being filled; the output
    [output, size] of that one; the response's head [output, input, taps]; [4, 2 · size] to
    transform in; the transform's cosines and sines [2, size].
    """
    bins, at = size + 1, 0
    end = at + partitions * channels * channels * 2 * bins
    spectra = samples[at:end].reshape((partitions, channels, channels, 2, bins))
    at, end = end, end + partitions * channels * 2 * bins
    heard = samples[at:end].reshape((partitions, channels, 2, bins))
    at, end = end, end + channels * 2 * bins
    sums = samples[at:end].reshape((channels, 2, bins))
    at, end = end, end + channels * 3 * size
    recent = samples[at:end].reshape((channels, 3 * size))
    at, end = end, end + channels * size
    ready = samples[at:end].reshape((channels, size))
    at, end = end, end + channels * channels * 2 * size
    head = samples[at:end].reshape((channels, channels, 2 * size))
    at, end = end, end + 8 * size
    desk = samples[at:end].reshape((4, 2 * size))
    at, end = end, end + 2 * size
    turns = samples[at:end].reshape((2, size))
    return spectra, heard, sums, recent, ready, head, desk, turns


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def convolve(audio, wet, by, numbers, samples):  # type: ignore[no-untyped-def]
    """The next samples, in place: y[n] = x[n] + (wet + n · by) · ((h ∗ x)[n] − x[n]).

    audio: [C, n] float64, any n. numbers, samples: a `ConvolverState`, which remembers the input.
    """
    size, partitions = int(numbers[0]), int(numbers[1])
    at, newest, summed = int(numbers[2]), int(numbers[3]), int(numbers[4])
    channels, length = audio.shape
    spectra, heard, sums, recent, ready, head, desk, turns = _buffer_views(
        samples, channels, size, partitions
    )
    done = 0
    while done < length:
        count = min(length - done, size - at)
        for channel in range(channels):
            new = recent[channel, 2 * size + at : 2 * size + at + count]
            for n in range(count):
                x = audio[channel, done + n]
                new[n] = x if abs(x) > DENORMAL_INPUT_LIMIT else 0.0
        for channel in range(channels):
            room = ready[channel, at : at + count]
            _add_head(room, recent, head[channel], 2 * size + at)
            for n in range(count):
                x = audio[channel, done + n]
                audio[channel, done + n] = x + (wet + (done + n) * by) * (room[n] - x)
        at, done = at + count, done + count
        due = partitions * at // size
        _add_products(sums, spectra, heard, newest, summed, due)
        summed = due
        if at == size:
            _to_samples(sums, ready, desk, turns)
            recent[:, : 2 * size] = recent[:, size:]
            newest = newest + 1 if newest + 1 < partitions else 0
            _to_spectra(recent, heard[newest], desk, turns)
            at = summed = 0
    numbers[2], numbers[3], numbers[4] = at, newest, summed


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _add_head(room, recent, head, start):  # type: ignore[no-untyped-def]
    """The first taps of one output, four at a time; start: where in `recent` the first one is."""
    count, taps = len(room), head.shape[1]
    for channel in range(len(recent)):
        h = head[channel]
        for tap in range(0, taps, 4):
            h0, h1, h2, h3 = h[tap], h[tap + 1], h[tap + 2], h[tap + 3]
            x = recent[channel, start - tap - 3 : start - tap + count]
            for n in range(count):
                room[n] += h0 * x[n + 3] + h1 * x[n + 2] + h2 * x[n + 1] + h3 * x[n]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _add_products(sums, spectra, heard, newest, begin, end):  # type: ignore[no-untyped-def]
    """What the partitions `begin` to `end` make of the input they are to hear."""
    for partition in range(begin, end):
        slot = newest - partition
        for channel in range(len(sums)):
            for source in range(len(sums)):
                _add_product(
                    sums[channel],
                    spectra[partition, channel, source],
                    heard[slot if slot >= 0 else slot + len(heard), source],
                )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _add_product(total, h, x):  # type: ignore[no-untyped-def]
    for k in range(total.shape[1]):
        total[0, k] += h[0, k] * x[0, k] - h[1, k] * x[1, k]
        total[1, k] += h[0, k] * x[1, k] + h[1, k] * x[0, k]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _to_spectra(recent, heard, desk, turns):  # type: ignore[no-untyped-def]
    """The spectra of the last two partitions: z = first + i · second, then taken apart."""
    long = desk.shape[1]
    desk[0] = recent[0, :long]
    desk[1] = recent[-1, :long]  # mono is its own partner
    re, im = _fft(desk[0], desk[1], desk[2], desk[3], turns)
    for k in range(heard.shape[2]):
        mirror = long - k if k > 0 else 0
        heard[0, 0, k] = (re[k] + re[mirror]) / 2
        heard[0, 1, k] = (im[k] - im[mirror]) / 2
        if len(heard) > 1:
            heard[1, 0, k] = (im[k] + im[mirror]) / 2
            heard[1, 1, k] = (re[mirror] - re[k]) / 2


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _to_samples(sums, ready, desk, turns):  # type: ignore[no-untyped-def]
    """The sums become the next partition of output, and 0. The way back of `_to_spectra`."""
    long, size = desk.shape[1], ready.shape[1]
    second = sums[-1]  # mono is its own partner
    for k in range(size + 1):
        mirror = long - k if k > 0 else 0
        re, im, second_re, second_im = sums[0, 0, k], sums[0, 1, k], second[0, k], second[1, k]
        desk[0, mirror], desk[1, mirror] = re + second_im, second_re - im
        desk[0, k], desk[1, k] = re - second_im, im + second_re
    sums[:] = 0
    # Real and imaginary parts change places: the transform runs backwards.
    im, re = _fft(desk[1], desk[0], desk[3], desk[2], turns)
    ready[0] = re[size:]
    if len(ready) > 1:
        ready[1] = im[size:]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _fft(re, im, free_re, free_im, turns):  # type: ignore[no-untyped-def]
    """Stockham's radix-2 transform: in order in and out. Returns where the result is."""
    span, stride = len(re), 1
    while span > 1:
        half = span // 2
        for p in range(half):
            c, s = turns[0, p * stride], turns[1, p * stride]
            for q in range(stride):
                a, b = q + stride * p, q + stride * (p + half)
                even, odd = q + stride * 2 * p, q + stride * (2 * p + 1)
                less_re, less_im = re[a] - re[b], im[a] - im[b]
                free_re[even], free_im[even] = re[a] + re[b], im[a] + im[b]
                free_re[odd] = less_re * c - less_im * s
                free_im[odd] = less_re * s + less_im * c
        re, im, free_re, free_im = free_re, free_im, re, im
        span, stride = half, 2 * stride
    return re, im
