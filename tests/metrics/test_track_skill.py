"""Errors of the knobs of several tracks in units."""

import numpy as np
import pytest
import torch
from scipy.signal import freqz

from ai_mixer.console import load_console
from ai_mixer.metrics.track_skill import THIRD_OCTAVES_HZ, eq_errors_db

RATE = 44_100
CONSOLE = load_console("studio")
STRIP = CONSOLE.strip


def settings(**values):
    """Positions [1, P] of a strip in physical units, else neutral."""
    positions = STRIP.neutral.double().clone()
    for name, value in values.items():
        column = STRIP.names.index(name)
        positions[column] = STRIP.knobs[column].to_position(torch.tensor(value).double())
    return positions[None]


def errors(predicted, true, mask=None):
    mask = torch.ones_like(true, dtype=torch.bool) if mask is None else mask
    return eq_errors_db(STRIP, predicted, true, mask, RATE)


def shelf_db(frequency_hz, gain_db, side):
    """Response of a shelf of the Audio EQ Cookbook with Q = 1/√2. side: 1 low, -1 high."""
    omega, a = 2 * np.pi * frequency_hz / RATE, 10 ** (gain_db / 40)
    cos, root = np.cos(omega), 2 * np.sqrt(a) * np.sin(omega) / np.sqrt(2)
    plus, minus = a + 1, side * (a - 1)
    b = [a * (plus - minus * cos + root), 2 * a * side * (a - 1 - side * (a + 1) * cos)]
    b.append(a * (plus - minus * cos - root))
    poles = [plus + minus * cos + root, -2 * side * (a - 1 + side * (a + 1) * cos)]
    poles.append(plus + minus * cos - root)
    return 20 * np.log10(np.abs(freqz(b, poles, THIRD_OCTAVES_HZ.numpy(), fs=RATE)[1]))


def peak_db(frequency_hz, gain_db, q):
    """Response of a peaking filter of the Audio EQ Cookbook at thirds of an octave."""
    omega, a = 2 * np.pi * frequency_hz / RATE, 10 ** (gain_db / 40)
    alpha = np.sin(omega) / (2 * q)
    b = [1 + alpha * a, -2 * np.cos(omega), 1 - alpha * a]
    return 20 * np.log10(
        np.abs(freqz(b, [1 + alpha / a, b[1], 1 - alpha / a], THIRD_OCTAVES_HZ.numpy(), fs=RATE)[1])
    )


def test_true_knobs_have_no_eq_error_and_others_of_the_strip_do_not_count():
    true = settings(peak1_db=2.0)
    other = settings(peak1_db=2.0, fader_db=-9.0, pan=0.5, compressor_ratio=3.0)
    assert errors(true, true) == 0.0
    assert errors(other, true) == 0.0


@pytest.mark.parametrize(("frequency_hz", "gain_db", "q"), [(400.0, 3.0, 1.0), (900.0, -2.5, 2.0)])
def test_eq_error_equals_an_independent_filter(frequency_hz, gain_db, q):
    true = settings(peak1_hz=frequency_hz, peak1_db=gain_db, peak1_q=q)
    expected = np.abs(peak_db(frequency_hz, gain_db, q)).mean()
    assert float(errors(settings(), true)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("shelf", "side", "frequency_hz", "gain_db"),
    [("low_shelf", 1, 150.0, 4.0), ("high_shelf", -1, 6_000.0, -3.0)],
)
def test_eq_error_of_a_shelf_equals_an_independent_filter(shelf, side, frequency_hz, gain_db):
    true = settings(**{f"{shelf}_hz": frequency_hz, f"{shelf}_db": gain_db})
    expected = np.abs(shelf_db(frequency_hz, gain_db, side)).mean()
    assert float(errors(settings(), true)) == pytest.approx(expected, rel=1e-4)


def test_thirds_of_an_octave_are_from_25_hz_to_16_khz():
    assert THIRD_OCTAVES_HZ[[0, 16, -1]].tolist() == pytest.approx(
        [24.8, 1000.0, 16_000.0], rel=0.01
    )


def test_a_gain_without_a_target_has_no_error():
    mask = torch.ones(2, len(STRIP.names), dtype=torch.bool)
    mask[0, STRIP.names.index("peak2_db")] = False
    result = errors(settings(peak1_db=2.0).repeat(2, 1), settings().repeat(2, 1), mask)
    assert result.isnan().tolist() == [True, False]
