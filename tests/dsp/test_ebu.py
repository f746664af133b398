"""Tests with the signals of EBU Tech 3341 (loudness, true peak) and Tech 3342 (loudness range).

Synthesised from their descriptions, with the specified tolerances. Not included: Tech 3341 number 6
(five channels), 7 and 8 and Tech 3342 number 5 and 6 (recordings).
"""

import math

import numpy as np
import pytest
import torch
from scipy.signal import firwin

from ai_mixer.dsp.loudness import (
    FINE_HOP_S,
    loudness_lufs,
    loudness_range_lu,
    max_momentary_lufs,
    max_short_term_lufs,
    momentary_lufs,
    short_term_lufs,
)
from ai_mixer.dsp.true_peak import true_peak

SILENT = -math.inf
at_both_rates = pytest.mark.parametrize("rate", [44_100, 48_000])


def tones(parts, rate):
    """[1, 2, T]: a stereo sine of 1 kHz with steps of (seconds, peak level in dBFS)."""
    ends = np.round(rate * np.cumsum([seconds for seconds, _ in parts])).astype(int)
    levels = np.repeat([10 ** (level / 20) for _, level in parts], np.diff(ends, prepend=0))
    wave = levels * np.sin(2 * np.pi * 1000 * np.arange(ends[-1]) / rate)
    return torch.from_numpy(wave).repeat(1, 2, 1)


def taper(wave, rate, seconds=0.01):
    """Fade in and out."""
    ramp = np.linspace(0, 1, round(seconds * rate))
    wave[: len(ramp)] *= ramp
    wave[-len(ramp) :] *= ramp[::-1]
    return wave


def steady(divisor, amplitude, degrees, rate):
    """[1, 2, T]: a sine of rate / divisor Hz."""
    phase = 2 * np.pi * np.arange(rate) / divisor + np.radians(degrees)
    return torch.from_numpy(taper(amplitude * np.sin(phase), rate)).repeat(1, 2, 1)


def one_loud_period(offset, rate):
    """[1, 2, T]: a sine of rate/6 with one louder period of rate/4; computed at 4 · rate."""
    soft = 0.5 * np.sin(2 * np.pi * np.arange(24 * 400) / 24)
    loud = np.sin(2 * np.pi * np.arange(16) / 16)
    dense = taper(np.concatenate([soft, loud, soft]), 4 * rate)
    filtered = np.convolve(dense, firwin(257, 0.45 * rate, fs=4 * rate, window=("kaiser", 10)))
    return torch.from_numpy(filtered[offset::4].copy()).repeat(1, 2, 1)


INTEGRATED = {
    1: ([(20, -23)], -23),
    2: ([(20, -33)], -33),
    3: ([(10, -36), (60, -23), (10, -36)], -23),
    4: ([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23),
    5: ([(20, -26), (20.1, -20), (20, -26)], -23),
}


@at_both_rates
@pytest.mark.parametrize("number", INTEGRATED)
def test_3341_integrated(number, rate):
    parts, expected = INTEGRATED[number]
    assert loudness_lufs(tones(parts, rate), rate).item() == pytest.approx(expected, abs=0.1)


@at_both_rates
@pytest.mark.parametrize("number", INTEGRATED)
def test_3341_integrated_of_the_mono_signal(number, rate):
    """One channel is measured as played on two loudspeakers (docs/decisions/0040)."""
    parts, expected = INTEGRATED[number]
    mono = tones(parts, rate)[:, :1]
    assert loudness_lufs(mono, rate).item() == pytest.approx(expected, abs=0.1)


@at_both_rates
@pytest.mark.parametrize("number", [1, 2])
def test_3341_momentary_and_short_term_of_a_steady_tone(number, rate):
    parts, expected = INTEGRATED[number]
    x = tones(parts, rate)
    for levels in (momentary_lufs(x, rate), short_term_lufs(x, rate)):
        assert levels.numpy() == pytest.approx(expected, abs=0.1)


@at_both_rates
@pytest.mark.parametrize(
    ("measure", "parts"),
    [
        pytest.param(short_term_lufs, 5 * [(1.34, -20), (1.66, -30)], id="9"),
        pytest.param(momentary_lufs, 25 * [(0.18, -20), (0.22, -30)], id="12"),
    ],
)
def test_3341_constant_reading(measure, parts, rate):
    levels = measure(tones(parts, rate), rate, FINE_HOP_S)[0]
    assert levels.numpy() == pytest.approx(-23, abs=0.1)


@at_both_rates
@pytest.mark.parametrize(
    ("measure", "step", "length"),
    [
        pytest.param(max_short_term_lufs, 0.15, 3.0, id="10"),
        pytest.param(max_momentary_lufs, 0.02, 0.4, id="13"),
    ],
)
def test_3341_maximum_of_a_file(measure, step, length, rate):
    for i in range(20):
        x = tones([(i * step, SILENT), (length, -23), (1, SILENT)], rate)
        assert measure(x, rate).item() == pytest.approx(-23, abs=0.1)


@at_both_rates
@pytest.mark.parametrize(
    ("measure", "step", "length"),
    [
        pytest.param(short_term_lufs, 0.15, 3.0, id="11"),
        pytest.param(momentary_lufs, 0.02, 0.4, id="14"),
    ],
)
def test_3341_successive_maxima(measure, step, length, rate):
    silences = [(i * step, length - i * step) for i in range(20)]
    parts = [
        part
        for i, (before, after) in enumerate(silences)
        for part in [(before, SILENT), (length, -38 + i), (after, SILENT)]
    ]
    levels = measure(tones(parts, rate), rate, FINE_HOP_S)[0]
    read_at = length + FINE_HOP_S * torch.arange(len(levels))  # where each block ends
    for i in range(20):
        during = (read_at > 2 * length * i) & (read_at <= 2 * length * (i + 1))
        assert levels[during].max().item() == pytest.approx(-38 + i, abs=0.1)


TRUE_PEAKS = {
    15: (lambda rate: steady(4, 0.50, 0.0, rate), -6.0),
    16: (lambda rate: steady(4, 0.50, 45.0, rate), -6.0),
    17: (lambda rate: steady(6, 0.50, 60.0, rate), -6.0),
    18: (lambda rate: steady(8, 0.50, 67.5, rate), -6.0),
    19: (lambda rate: steady(4, 1.41, 45.0, rate), 3.0),
    20: (lambda rate: one_loud_period(0, rate), 0.0),
    21: (lambda rate: one_loud_period(1, rate), 0.0),
    22: (lambda rate: one_loud_period(2, rate), 0.0),
    23: (lambda rate: one_loud_period(3, rate), 0.0),
}


@at_both_rates
@pytest.mark.parametrize("number", TRUE_PEAKS)
def test_3341_true_peak(number, rate):
    signal, expected = TRUE_PEAKS[number]
    level_db = 20 * math.log10(true_peak(signal(rate)))
    assert expected - 0.4 <= level_db <= expected + 0.2


RANGES = {
    1: ([(20, -20), (20, -30)], 10),
    2: ([(20, -20), (20, -15)], 5),
    3: ([(20, -40), (20, -20)], 20),
    4: ([(20, -50), (20, -35), (20, -20), (20, -35), (20, -50)], 15),
}


@at_both_rates
@pytest.mark.parametrize("number", RANGES)
def test_3342_range(number, rate):
    parts, expected = RANGES[number]
    assert loudness_range_lu(tones(parts, rate), rate).item() == pytest.approx(expected, abs=1)
