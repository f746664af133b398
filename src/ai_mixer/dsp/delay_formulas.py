"""Formulas of delays and of the feedback delay network, for `dsp.formulas`."""

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

MIN_DELAY_SAMPLES = 2.0  # the interpolation of a delay reads one sample after the delayed one
PRIMES = (
    *(577, 647, 727, 811, 907, 1013, 1129, 1259),
    *(1409, 1571, 1753, 1951, 2179, 2423, 2707, 3023),
)
LINE_S = tuple(samples / 48_000 for samples in PRIMES)
"""Delays of the lines of `dsp.feedback_network`, the shortest first; a power of two of them."""


def build_delay_formulas(
    m: ModuleType, compiled: Callable[[Any], Any], max_frequency_ratio: float
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make `feedback_delay` and `feedback_network`, see `formulas.Formulas`."""

    @compiled
    def to_samples(time_ms, max_ms, sample_rate):  # type: ignore[no-untyped-def]
        return m.minimum(time_ms, max_ms + 0.0 * time_ms) * sample_rate / 1000.0

    @compiled
    def feedback_delay(time_ms, feedback, tone_hz, max_ms, sample_rate):  # type: ignore[no-untyped-def]
        samples = to_samples(time_ms, max_ms, sample_rate)
        pole = m.exp(-2.0 * math.pi * tone_hz / sample_rate)
        return m.maximum(samples, MIN_DELAY_SAMPLES + 0.0 * samples), feedback, pole

    @compiled
    def loss(line_s, decay_s, sample_rate):  # type: ignore[no-untyped-def]
        """Loss of a line in nepers."""
        rounded_s = m.floor(line_s * sample_rate + 0.5) / sample_rate
        return 3.0 * math.log(10.0) * rounded_s / decay_s

    @compiled
    def low_pass(line_s, decay_s, damping_hz, sample_rate):  # type: ignore[no-untyped-def]
        """Gain and pole of a line whose decay time is decay_s / (1 + (f / damping_hz)²).

        Exactly at 0 Hz, and at damping_hz or, if that is lower, the highest frequency.
        """
        nepers = loss(line_s, decay_s, sample_rate)
        highest_hz = m.minimum(damping_hz, max_frequency_ratio * sample_rate)
        ratio = highest_hz / damping_hz
        power = m.exp(-2.0 * nepers * ratio * ratio)  # of the low-pass at this frequency
        cosine = m.cos(2.0 * math.pi * highest_hz / sample_rate)
        root = m.sqrt(power * (1.0 - cosine) * (2.0 - power * (1.0 + cosine)))
        pole = (1.0 - power) / (1.0 - power * cosine + root)
        return m.exp(-nepers) * (1.0 - pole), pole

    @compiled
    def four(first, decay_s, damping_hz, sample_rate):  # type: ignore[no-untyped-def]
        return (
            low_pass(LINE_S[first], decay_s, damping_hz, sample_rate)
            + low_pass(LINE_S[first + 1], decay_s, damping_hz, sample_rate)
            + low_pass(LINE_S[first + 2], decay_s, damping_hz, sample_rate)
            + low_pass(LINE_S[first + 3], decay_s, damping_hz, sample_rate)
        )

    @compiled
    def feedback_network(decay_s, predelay_ms, damping_hz, max_ms, sample_rate):  # type: ignore[no-untyped-def]
        samples = MIN_DELAY_SAMPLES + to_samples(predelay_ms, max_ms, sample_rate)
        kept = 0.0 * decay_s  # power after a line, the mean of all
        for line_s in LINE_S:
            kept = kept + m.exp(-2.0 * loss(line_s, decay_s, sample_rate)) / len(LINE_S)
        level = m.sqrt((1.0 - kept) / kept * (2.0 / len(LINE_S)))
        gains = samples, level
        return (
            gains
            + four(0, decay_s, damping_hz, sample_rate)
            + four(4, decay_s, damping_hz, sample_rate)
            + four(8, decay_s, damping_hz, sample_rate)
            + four(12, decay_s, damping_hz, sample_rate)
        )

    return feedback_delay, feedback_network
