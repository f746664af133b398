"""Inverse discrete Fourier transform of any length: Bluestein's chirp algorithm.

With jt = (j² + t² − (t − j)²) / 2, the transform is a convolution with a chirp, computed by
transforms whose length is a power of two (Bluestein, "A Linear Filtering Approach to the
Computation of Discrete Fourier Transform", IEEE Trans. Audio Electroacoustics 18(4), 1970).
Compiled, without allocation, for the engine ahead of time; Python code uses `numpy.fft`.
"""

import math

import numpy as np

from ai_mixer.dsp.convolution import fft
from ai_mixer.utils.compilation import njit

ROWS = 7  # of the work space: four of transforms, two of the chirp's spectrum, one of twiddles


@njit(cache=True, nogil=True, error_model="numpy")
def _transform_size(bins, taps):  # type: ignore[no-untyped-def]
    """Power of two, at least the length of the convolution."""
    size = 1
    while size < bins + taps - 1:
        size *= 2
    return size


@njit(cache=True, nogil=True, error_model="numpy")
def chirp_work_size(bins, taps):  # type: ignore[no-untyped-def]
    """Size of the work space of `add_inverse_transform` in float64 numbers."""
    return ROWS * _transform_size(bins, taps)


@njit(cache=True, nogil=True, error_model="numpy")
def _views(work, size):  # type: ignore[no-untyped-def]
    """Work space [4, size], spectrum of the chirp [2, size], twiddles [2, size / 2]."""
    return (
        work[: 4 * size].reshape((4, size)),
        work[4 * size : 6 * size].reshape((2, size)),
        work[6 * size : 7 * size].reshape((2, size // 2)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _chirp(k, length):  # type: ignore[no-untyped-def]
    """Cosine and sine of πk² / length, exact for large k."""
    angle = math.pi * (k * k % (2 * length)) / length
    return math.cos(angle), math.sin(angle)


@njit(cache=True, nogil=True, error_model="numpy")
def init_chirp(work, length, bins, taps):  # type: ignore[no-untyped-def]
    """Prepare `work`, [chirp_work_size], for `add_inverse_transform` with the same arguments."""
    size = _transform_size(bins, taps)
    rows, chirp, twiddles = _views(work, size)
    for k in range(size // 2):
        angle = -2.0 * math.pi * k / size
        twiddles[0, k], twiddles[1, k] = math.cos(angle), math.sin(angle)
    for k in range(size):
        rows[0, k] = rows[1, k] = 0.0
    for k in range(max(bins, taps)):
        c, s = _chirp(k, length)
        if k < taps:
            rows[0, k], rows[1, k] = c, -s
        if 0 < k < bins:
            rows[0, size - k], rows[1, size - k] = c, -s
    re, im = fft(rows[0], rows[1], rows[2], rows[3], twiddles)
    for k in range(size):
        chirp[0, k], chirp[1, k] = re[k], im[k]


@njit(cache=True, nogil=True, error_model="numpy")
def add_inverse_transform(spectrum, length, out, work):  # type: ignore[no-untyped-def]
    """Add the start of `numpy.fft.irfft(spectrum, length)` to out, [taps].

    spectrum: [bins, 2], real and imaginary parts; bins up to length // 2 + 1 are used, missing
    ones are 0. length: of the transform, in samples. work: of `init_chirp`.
    """
    bins, taps = min(len(spectrum), length // 2 + 1), len(out)
    size = _transform_size(bins, taps)
    rows, chirp, twiddles = _views(work, size)
    for k in range(size):
        rows[0, k] = rows[1, k] = 0.0
    for k in range(bins):
        c, s = _chirp(k, length)
        weight = (1.0 if k == 0 or 2 * k == length else 2.0) / length
        re, im = weight * spectrum[k, 0], weight * spectrum[k, 1]
        if k == 0 or 2 * k == length:
            im = 0.0
        rows[0, k], rows[1, k] = re * c - im * s, re * s + im * c
    re, im = fft(rows[0], rows[1], rows[2], rows[3], twiddles)
    for k in range(size):
        a, b = re[k], im[k]
        rows[0, k] = (a * chirp[0, k] - b * chirp[1, k]) / size
        rows[1, k] = (a * chirp[1, k] + b * chirp[0, k]) / size
    # Swapped real and imaginary parts give the inverse transform.
    im, re = fft(rows[1], rows[0], rows[3], rows[2], twiddles)
    for t in range(taps):
        c, s = _chirp(t, length)
        out[t] += np.float32(re[t] * c - im[t] * s)
