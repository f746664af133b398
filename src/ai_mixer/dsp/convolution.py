"""Streaming convolution with a long response, without latency.

The response is divided into equal partitions (Gardner, "Efficient Convolution without Input-Output
Delay", JAES 43(3), 1995; Wefers, "Partitioned Convolution Algorithms for Real-Time Auralization",
2015). The first two partitions are convolved directly. The spectra of the others are multiplied
with input spectra while the next partition of input arrives, an equal share with each block, so
that all blocks take a similar time.

Two real channels share one complex transform. Computed in float32 with an error below −115 dB.
"""

import math

import numpy as np

from ai_mixer.dsp.recursions import FASTMATH_FLAGS
from ai_mixer.utils.compilation import njit

PARTITION_S = 0.012  # longer: slower direct convolution; shorter: slower spectral products
DENORMAL_INPUT_LIMIT = 1e-30  # smaller inputs count as 0: their products would be denormal and slow


# State: partition size, number of partitions, position in the current partition, index of the
# newest input spectrum, number of partitions multiplied so far; then the buffers in float32.
HEADER_SIZE = 5


@njit(cache=True, nogil=True)
def _partitioning(taps, sample_rate):  # type: ignore[no-untyped-def]
    """Size of a partition, a power of two, and the number of those behind the first two."""
    size = 1 << max(4, round(math.log2(PARTITION_S * sample_rate)))
    return size, max(1, -(-taps // size) - 2)


@njit(cache=True, nogil=True)
def convolver_size(taps, sample_rate, channels):  # type: ignore[no-untyped-def]
    """Size of the state of `convolve` in float64 numbers."""
    size, partitions = _partitioning(taps, sample_rate)
    spectra = 2 * (size + 1) * channels * (partitions * (channels + 1) + 1)
    return HEADER_SIZE + (spectra + size * (channels * (4 + 2 * channels) + 10) + 1) // 2


@njit(cache=True, nogil=True)
def init_convolver(state, response, sample_rate):  # type: ignore[no-untyped-def]
    """Write the initial state of `convolve`, zeros before.

    response: [output, input, T], 1 or 2 channels.
    """
    channels, _, taps = response.shape
    size, partitions = _partitioning(taps, sample_rate)
    state[0], state[1] = size, partitions
    views = _buffer_views(state[HEADER_SIZE:].view(np.float32), channels, size, partitions)
    spectra, head, work, twiddles = views[0], views[5], views[6], views[7]
    for k in range(size):
        angle = -math.pi * k / size
        twiddles[0, k], twiddles[1, k] = math.cos(angle), math.sin(angle)
    for output in range(channels):
        for source in range(channels):
            h = response[output, source]
            for tap in range(min(taps, 2 * size)):
                head[output, source, tap] = h[tap]
            for partition in range(partitions):
                start = (2 + partition) * size
                work[:] = 0.0
                for tap in range(min(size, taps - start)):
                    work[0, tap] = h[start + tap] / (2 * size)
                re, im = fft(work[0], work[1], work[2], work[3], twiddles)
                for k in range(size + 1):
                    spectra[partition, output, source, 0, k] = re[k]
                    spectra[partition, output, source, 1, k] = im[k]


@njit(cache=True, nogil=True)
def _buffer_views(samples, channels, size, partitions):  # type: ignore[no-untyped-def]
    """Views of the array of all buffers; real and imaginary parts are separate.

    - spectra of the response [partitions, output, input, 2, bins]
    - spectra of the input [partitions, input, 2, bins], a ring buffer
    - sums of their products [output, 2, bins]
    - last three partitions of the input [input, 3 · size]; the third one is being filled
    - output of the third partition [output, size]
    - head of the response [output, input, taps]
    - work space of the transform [4, 2 · size]
    - cosines and sines of the transform [2, size]
    """
    bins, at = size + 1, 0
    end = at + partitions * channels * channels * 2 * bins
    spectra = samples[at:end].reshape((partitions, channels, channels, 2, bins))
    at, end = end, end + partitions * channels * 2 * bins
    inputs = samples[at:end].reshape((partitions, channels, 2, bins))
    at, end = end, end + channels * 2 * bins
    sums = samples[at:end].reshape((channels, 2, bins))
    at, end = end, end + channels * 3 * size
    recent = samples[at:end].reshape((channels, 3 * size))
    at, end = end, end + channels * size
    ready = samples[at:end].reshape((channels, size))
    at, end = end, end + channels * channels * 2 * size
    head = samples[at:end].reshape((channels, channels, 2 * size))
    at, end = end, end + 8 * size
    work = samples[at:end].reshape((4, 2 * size))
    at, end = end, end + 2 * size
    twiddles = samples[at:end].reshape((2, size))
    return spectra, inputs, sums, recent, ready, head, work, twiddles


@njit(cache=True, nogil=True)
def reset_convolver(state, channels):  # type: ignore[no-untyped-def]
    """Reset the state to that before the first sample; keep the response."""
    state[2:HEADER_SIZE] = 0.0
    views = _buffer_views(
        state[HEADER_SIZE:].view(np.float32), channels, int(state[0]), int(state[1])
    )
    _, inputs, sums, recent, ready, _, _, _ = views
    inputs[:], sums[:], recent[:], ready[:] = 0.0, 0.0, 0.0, 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def convolve(audio, wet, by, state):  # type: ignore[no-untyped-def]
    """Convolve the next samples in place: y[n] = x[n] + (wet + n · by) · ((h ∗ x)[n] − x[n]).

    audio: [C, n] float64, any n. state: of `init_convolver`, which is updated.
    """
    size, partitions = int(state[0]), int(state[1])
    at, newest, summed = int(state[2]), int(state[3]), int(state[4])
    channels, length = audio.shape
    spectra, inputs, sums, recent, ready, head, work, twiddles = _buffer_views(
        state[HEADER_SIZE:].view(np.float32), channels, size, partitions
    )
    done = 0
    while done < length:
        count = min(length - done, size - at)
        for channel in range(channels):
            new = recent[channel, 2 * size + at : 2 * size + at + count]
            samples = audio[channel][done:]
            for n in range(count):
                x = samples[n]
                new[n] = x if abs(x) > DENORMAL_INPUT_LIMIT else 0.0
        for channel in range(channels):
            convolved = ready[channel, at : at + count]
            _add_head(convolved, recent, head[channel], 2 * size + at)
            samples, share = audio[channel][done:], wet + done * by
            for n in range(count):
                samples[n] += (share + n * by) * (convolved[n] - samples[n])
        at, done = at + count, done + count
        due = partitions * at // size
        _add_products(sums, spectra, inputs, newest, summed, due)
        summed = due
        if at == size:
            _to_samples(sums, ready, work, twiddles)
            for channel in range(channels):
                kept, shifted = recent[channel], recent[channel][size:]
                for n in range(2 * size):
                    kept[n] = shifted[n]
            newest = newest + 1 if newest + 1 < partitions else 0
            _to_spectra(recent, inputs[newest], work, twiddles)
            at = summed = 0
    state[2], state[3], state[4] = at, newest, summed


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _add_head(out, recent, head, start):  # type: ignore[no-untyped-def]
    """Add the direct convolution to one output, four taps at a time; start: index in `recent`."""
    count, taps = len(out), head.shape[1]
    for channel in range(len(recent)):
        h = head[channel]
        for tap in range(0, taps, 4):
            h0, h1, h2, h3 = h[tap], h[tap + 1], h[tap + 2], h[tap + 3]
            x = recent[channel, start - tap - 3 : start - tap + count]
            for n in range(count):
                out[n] += h0 * x[n + 3] + h1 * x[n + 2] + h2 * x[n + 1] + h3 * x[n]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _add_products(sums, spectra, inputs, newest, begin, end):  # type: ignore[no-untyped-def]
    """Add the products of the partitions `begin` to `end` with their input spectra."""
    for partition in range(begin, end):
        slot = newest - partition
        for channel in range(len(sums)):
            for source in range(len(sums)):
                _add_product(
                    sums[channel],
                    spectra[partition, channel, source],
                    inputs[slot if slot >= 0 else slot + len(inputs), source],
                )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _add_product(total, h, x):  # type: ignore[no-untyped-def]
    for k in range(total.shape[1]):
        total[0, k] += h[0, k] * x[0, k] - h[1, k] * x[1, k]
        total[1, k] += h[0, k] * x[1, k] + h[1, k] * x[0, k]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _to_spectra(recent, spectra, work, twiddles):  # type: ignore[no-untyped-def]
    """Spectra of the last two partitions of both channels from one transform of z = x₀ + i · x₁."""
    long = work.shape[1]
    for n in range(long):  # a slice assignment of an array would allocate memory
        work[0, n], work[1, n] = recent[0, n], recent[-1, n]  # mono: the same channel twice
    re, im = fft(work[0], work[1], work[2], work[3], twiddles)
    for k in range(spectra.shape[2]):
        mirror = long - k if k > 0 else 0
        spectra[0, 0, k] = (re[k] + re[mirror]) / 2
        spectra[0, 1, k] = (im[k] - im[mirror]) / 2
        if len(spectra) > 1:
            spectra[1, 0, k] = (im[k] + im[mirror]) / 2
            spectra[1, 1, k] = (re[mirror] - re[k]) / 2


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _to_samples(sums, ready, work, twiddles):  # type: ignore[no-untyped-def]
    """Transform the sums to the next partition of output and reset them."""
    long, size = work.shape[1], ready.shape[1]
    second = sums[-1]  # mono: the same channel twice
    for k in range(size + 1):
        mirror = long - k if k > 0 else 0
        re, im, second_re, second_im = sums[0, 0, k], sums[0, 1, k], second[0, k], second[1, k]
        work[0, mirror], work[1, mirror] = re + second_im, second_re - im
        work[0, k], work[1, k] = re - second_im, im + second_re
    sums[:] = 0
    # Swapped real and imaginary parts give the inverse transform.
    im, re = fft(work[1], work[0], work[3], work[2], twiddles)
    for n in range(size):
        ready[-1, n] = im[size + n]
        ready[0, n] = re[size + n]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def fft(re, im, free_re, free_im, twiddles):  # type: ignore[no-untyped-def]
    """Stockham's radix-2 transform in natural order; returns the arrays of the result."""
    span, stride = len(re), 1
    while span > 1:
        half = span // 2
        for p in range(half):
            c, s = twiddles[0, p * stride], twiddles[1, p * stride]
            for q in range(stride):
                a, b = q + stride * p, q + stride * (p + half)
                even, odd = q + stride * 2 * p, q + stride * (2 * p + 1)
                diff_re, diff_im = re[a] - re[b], im[a] - im[b]
                free_re[even], free_im[even] = re[a] + re[b], im[a] + im[b]
                free_re[odd] = diff_re * c - diff_im * s
                free_im[odd] = diff_re * s + diff_im * c
        re, im, free_re, free_im = free_re, free_im, re, im
        span, stride = half, 2 * stride
    return re, im
