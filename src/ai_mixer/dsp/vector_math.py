"""Exponential and logarithm that a compiler vectorises, for compiled loops over samples.

Numba calls the C library for `math.exp` and `math.log` of each sample, which takes longer than all
else in such a loop. These are made of multiplications, with the precision that gains need.
"""

import math

import numpy as np

from ai_mixer.dsp.recursions import FASTMATH_FLAGS
from ai_mixer.utils.compilation import njit

HALVINGS = 8
MANTISSA_BITS = np.uint64(52)
MANTISSA_MASK = np.uint64((1 << 52) - 1)
ONE_BITS = np.uint64(1023 << 52)  # of 1.0
INTEGER_BITS = np.uint64(1075 << 52)  # of 2⁵²: with an integer in its mantissa, 2⁵² + integer
EXPONENT_BIAS = 4503599627370496.0 + 1023.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def fast_exp(x):  # type: ignore[no-untyped-def]
    """e^x with a relative error below 3e-8 for −16 ≤ x ≤ 1: (e^(x / 256))^256, Taylor series."""
    y = x * (1.0 / (1 << HALVINGS))
    p = 1.0 + y * (1.0 + y * (0.5 + y * (1.0 / 6.0 + y * (1.0 / 24.0 + y * (1.0 / 120.0)))))
    for _ in range(HALVINGS):
        p *= p
    return p


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def log_in_place(values, exponents):  # type: ignore[no-untyped-def]
    """Natural logarithm of positive normal numbers with an absolute error below 1e-8, in place.

    values: float64, contiguous. exponents: work space of the same length. ln(m · 2^e) = e ln 2 +
    2 artanh((m − 1) / (m + 1)), by its series.
    """
    bits, exponent_bits = values.view(np.uint64), exponents.view(np.uint64)
    for n in range(len(values)):
        exponent_bits[n] = (bits[n] >> MANTISSA_BITS) | INTEGER_BITS
        bits[n] = (bits[n] & MANTISSA_MASK) | ONE_BITS
    for n in range(len(values)):
        s = (values[n] - 1.0) / (values[n] + 1.0)
        t = s * s
        series = 1.0 / 11.0 + t * (1.0 / 13.0 + t * (1.0 / 15.0))
        series = 1.0 / 5.0 + t * (1.0 / 7.0 + t * (1.0 / 9.0 + t * series))
        series = 1.0 + t * (1.0 / 3.0 + t * series)
        values[n] = (exponents[n] - EXPONENT_BIAS) * math.log(2.0) + 2.0 * s * series
