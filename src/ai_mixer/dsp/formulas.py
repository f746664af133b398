"""Coefficients of the kernels from physical values: one text for torch and for compiled code.

`build` makes all formulas over the functions of a module: PyTorch's for tensors with gradient
(`evaluate`), NumPy's for numbers in an audio thread (`dsp.compiled_formulas`).

Equalisers: Robert Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"
(1998; W3C note 2021). The filter at −gain_db is exactly the inverse of the one at gain_db.
"""

import math
from collections.abc import Callable, Sequence
from enum import IntEnum
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.delay_formulas import build_delay_formulas

MAX_FREQUENCY_RATIO = 0.49
"""Highest filter frequency as a ratio of the sample rate. Higher frequencies are set to it: a file
at 8 kHz has no band at 5 kHz, but the lower skirt of the filter remains in effect."""

MIN_RATIO = 10.0 ** (SILENCE_DB / 20.0)
DB_PER_NEPER = 20.0 / math.log(10.0)
NEPERS_PER_DB_OF_A = math.log(10.0) / 40.0  # the cookbook's A = 10^(dB/40)


class Formula(IntEnum):
    """Formula of an effect's coefficients, a field of `Formulas`."""

    NONE = -1  # the effect computes its coefficients in Python (`Effect.coefficients`)
    VALUE = 0
    GAIN = 1
    WIDTH = 2
    SLOPE = 3
    PEAK = 4
    PRESENCE = 5
    LOW_SHELF = 6
    HIGH_SHELF = 7
    LOW_CUT = 8
    DYNAMICS = 9
    BAND_DYNAMICS = 10
    BAND_WIDTH = 11
    SATURATION = 12
    PAN = 13
    FEEDBACK_DELAY = 14
    FEEDBACK_NETWORK = 15
    LEVEL = 16


class Formulas(NamedTuple):
    """Functions of physical values, then the sample rate, to a tuple of coefficients.

    value: the argument itself. gain, width: weights of the channel and of the other one. slope:
    1 − 1/ratio of a compressor. Others: b₀, b₁, b₂, a₁, a₂ of a filter with gain_db (presence: an
    amplitude ratio), frequency_hz and q (shelves: slope). low_cut: frequency_hz, and
    off_hz at which it is the identity. dynamics: slope, attack and release poles, threshold and
    knee in dB, gain. band_dynamics: slope and threshold of each band. band_width: a filter of the
    side, of both widths and the frequency between them. saturation: k and the share of the even
    harmonics. pan: gains of both channels. feedback_delay: settings of
    `dsp.feedback_delay`. feedback_network: pre-delay in samples, gain, filters of the lines.
    level: as gain, of a gain in dB.
    """

    value: Callable[..., Any]
    gain: Callable[..., Any]
    width: Callable[..., Any]
    slope: Callable[..., Any]
    peak: Callable[..., Any]
    presence: Callable[..., Any]
    low_shelf: Callable[..., Any]
    high_shelf: Callable[..., Any]
    low_cut: Callable[..., Any]
    dynamics: Callable[..., Any]
    band_dynamics: Callable[..., Any]
    band_width: Callable[..., Any]
    saturation: Callable[..., Any]
    pan: Callable[..., Any]
    feedback_delay: Callable[..., Any]
    feedback_network: Callable[..., Any]
    level: Callable[..., Any]


def build(m: ModuleType, compiled: Callable[[Any], Any] = lambda function: function) -> Formulas:
    """Make the formulas over the functions of a module. compiled: decorator of each."""

    @compiled
    def value(value, sample_rate):  # type: ignore[no-untyped-def]
        return (value,)

    @compiled
    def gain(gain, sample_rate):  # type: ignore[no-untyped-def]
        return gain, 0.0 * gain

    @compiled
    def level(gain_db, sample_rate):  # type: ignore[no-untyped-def]
        return m.exp(gain_db / DB_PER_NEPER), 0.0 * gain_db

    @compiled
    def width(width, sample_rate):  # type: ignore[no-untyped-def]
        return (1.0 + width) / 2.0, (1.0 - width) / 2.0

    @compiled
    def slope(ratio, sample_rate):  # type: ignore[no-untyped-def]
        return (1.0 - 1.0 / ratio,)

    @compiled
    def angle(frequency_hz, sample_rate):  # type: ignore[no-untyped-def]
        limited_hz = m.minimum(frequency_hz, MAX_FREQUENCY_RATIO * sample_rate)
        return 2.0 * math.pi * limited_hz / sample_rate

    @compiled
    def peak(gain_db, frequency_hz, q, sample_rate):  # type: ignore[no-untyped-def]
        amplitude = m.exp(gain_db * NEPERS_PER_DB_OF_A)
        omega = angle(frequency_hz, sample_rate)
        alpha = m.sin(omega) / (2.0 * q)
        up, down, flat = alpha * amplitude, alpha / amplitude, -2.0 * m.cos(omega)
        norm = 1.0 + down
        return (1.0 + up) / norm, flat / norm, (1.0 - up) / norm, flat / norm, (1.0 - down) / norm

    @compiled
    def presence(ratio, frequency_hz, q, sample_rate):  # type: ignore[no-untyped-def]
        gain_db = DB_PER_NEPER * m.log(m.maximum(ratio, MIN_RATIO + 0.0 * ratio))
        return peak(gain_db, frequency_hz, q, sample_rate)

    @compiled
    def shelf(gain_db, frequency_hz, slope, sample_rate, sign):  # type: ignore[no-untyped-def]
        """Low shelf with sign 1; the high shelf is the low one with z → −z."""
        amplitude = m.exp(gain_db * NEPERS_PER_DB_OF_A)
        omega = angle(frequency_hz, sample_rate)
        cosine = sign * m.cos(omega)
        steepness = (amplitude + 1.0 / amplitude) * (1.0 / slope - 1.0) + 2.0
        width = m.sqrt(amplitude * steepness) * m.sin(omega)  # the cookbook's 2 √A α
        above, below = amplitude + 1.0, amplitude - 1.0
        norm = above + below * cosine + width
        return (
            amplitude * (above - below * cosine + width) / norm,
            amplitude * (2.0 * sign * (below - above * cosine)) / norm,
            amplitude * (above - below * cosine - width) / norm,
            -2.0 * sign * (below + above * cosine) / norm,
            (above + below * cosine - width) / norm,
        )

    @compiled
    def low_shelf(gain_db, frequency_hz, slope, sample_rate):  # type: ignore[no-untyped-def]
        return shelf(gain_db, frequency_hz, slope, sample_rate, 1.0)

    @compiled
    def high_shelf(gain_db, frequency_hz, slope, sample_rate):  # type: ignore[no-untyped-def]
        return shelf(gain_db, frequency_hz, slope, sample_rate, -1.0)

    @compiled
    def low_cut(frequency_hz, off_hz, sample_rate):  # type: ignore[no-untyped-def]
        """(s² + √2 v s + v²) / (s² + √2 s + 1): v² is the gain at 0 Hz, 0 from 2 · off_hz on."""
        octaves = m.log(m.maximum(frequency_hz / off_hz, 1.0 + 0.0 * frequency_hz)) / math.log(2.0)
        rest = 1.0 - m.minimum(octaves, 1.0 + 0.0 * octaves)
        v = rest * rest
        omega = angle(frequency_hz, sample_rate)
        k = m.sin(omega) / (1.0 + m.cos(omega))  # tan(ω/2)
        norm = 1.0 + math.sqrt(2.0) * k + k * k
        w = v * k
        return (
            (1.0 + math.sqrt(2.0) * w + w * w) / norm,
            2.0 * (w * w - 1.0) / norm,
            (1.0 - math.sqrt(2.0) * w + w * w) / norm,
            2.0 * (k * k - 1.0) / norm,
            (1.0 - math.sqrt(2.0) * k + k * k) / norm,
        )

    @compiled
    def dynamics(  # type: ignore[no-untyped-def]
        threshold_db, ratio, attack_ms, release_ms, knee_db, makeup_db, sample_rate
    ):
        attack = m.exp(-1000.0 / (attack_ms * sample_rate))
        release = m.exp(-1000.0 / (release_ms * sample_rate))
        makeup = m.exp(makeup_db / DB_PER_NEPER)
        return 1.0 - 1.0 / ratio, attack, release, threshold_db, knee_db, makeup

    @compiled
    def band_dynamics(low_db, low, mid_db, mid, high_db, high, sample_rate):  # type: ignore[no-untyped-def]
        return 1.0 - 1.0 / low, low_db, 1.0 - 1.0 / mid, mid_db, 1.0 - 1.0 / high, high_db

    @compiled
    def band_width(low, high, frequency_hz, sample_rate):  # type: ignore[no-untyped-def]
        gain_db = DB_PER_NEPER * m.log(low / high)
        b0, b1, b2, a1, a2 = shelf(gain_db, frequency_hz, 1.0, sample_rate, 1.0)
        return high * b0, high * b1, high * b2, a1, a2

    @compiled
    def saturation(drive_db, even, sample_rate):  # type: ignore[no-untyped-def]
        return m.exp(drive_db * (2.0 / DB_PER_NEPER)) - 1.0, even

    @compiled
    def pan(pan, sample_rate):  # type: ignore[no-untyped-def]
        angle = (pan + 1.0) * (math.pi / 4.0)
        return math.sqrt(2.0) * m.cos(angle), math.sqrt(2.0) * m.sin(angle)

    equalisers = peak, presence, low_shelf, high_shelf, low_cut
    others = dynamics, band_dynamics, band_width, saturation, pan
    delays = build_delay_formulas(m, compiled, MAX_FREQUENCY_RATIO)
    return Formulas(value, gain, width, slope, *equalisers, *others, *delays, level)


_ON_TENSORS = build(torch)


def evaluate(
    formula: Formula, arguments: Sequence[Tensor | float], sample_rate: float
) -> tuple[Tensor, ...]:
    """Coefficients, [B] float64 each, of physical values: numbers or tensors [B].

    Differentiable in all arguments.
    """
    device = next((a.device for a in arguments if isinstance(a, Tensor)), None)
    values = [
        value.double()
        if isinstance(value, Tensor)
        else torch.full((), value, dtype=torch.float64, device=device)  # no copy to a GPU
        for value in (*arguments, sample_rate)
    ]
    coefficients = _ON_TENSORS[int(formula)](*values)
    return tuple(torch.broadcast_tensors(*coefficients))  # type: ignore[no-untyped-call]
