"""Tests of equaliser filters: equality with scipy, response, inverse, stability, gradients."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import bilinear, freqz, sosfilt
from torch.autograd import gradcheck

from ai_mixer.dsp.filters import high_shelf, low_shelf, peak
from ai_mixer.dsp.recursions import biquad
from helpers.measures import residual_db

GAINS_DB = torch.tensor([-12.0, -6.0, -0.5, 0.0, 3.0, 12.0], dtype=torch.float64)
DESIGNS = {"low": low_shelf, "high": high_shelf, "peak": peak}


def analogue(kind, gain_db, shape):
    """The cookbook's prototypes H(s), numerator and denominator; shape is slope or q."""
    A = 10 ** (gain_db / 40)
    if kind == "peak":
        return [1, A / shape, 1], [1, 1 / (A * shape), 1]
    damping = math.sqrt(A * ((A + 1 / A) * (1 / shape - 1) + 2))
    if kind == "low":
        return [A, A * damping, A * A], [A, damping, 1]
    return [A * A, A * damping, A], [1, damping, A]


def digital(kind, gain_db, frequency_hz, shape, sample_rate):
    """Section b, a by scipy's bilinear transform with prewarping at frequency_hz."""
    half_rate = 0.5 / math.tan(math.pi * frequency_hz / sample_rate)
    return np.concatenate(bilinear(*analogue(kind, gain_db, shape), fs=half_rate))


@pytest.mark.parametrize("kind", DESIGNS)
@pytest.mark.parametrize("frequency_hz", [30.0, 1000.0, 15_000.0])
@pytest.mark.parametrize("shape", [0.5, 1.0])
def test_equals_scipy_on_audio(kind, frequency_hz, shape):
    x = np.random.default_rng(0).normal(size=(2, 4410))
    b, a = DESIGNS[kind](GAINS_DB, frequency_hz, shape, 44_100)
    for dtype, limit_db in ((torch.float64, -150), (torch.float32, -100)):
        audio = torch.from_numpy(x).to(dtype).expand(len(GAINS_DB), 2, -1)
        got = biquad(audio, b, a).double().numpy()
        for item, gain_db in enumerate(GAINS_DB.tolist()):
            section = digital(kind, gain_db, frequency_hz, shape, 44_100)
            assert residual_db(got[item], sosfilt(section[None], x)) < limit_db, (dtype, gain_db)


@pytest.mark.parametrize(
    ("kind", "expected"),  # dB at 0 Hz, at the filter frequency and at Nyquist; 1 = gain_db
    [("low", (1, 0.5, 0)), ("high", (0, 0.5, 1)), ("peak", (0, 1, 0))],
)
def test_gain_at_dc_filter_frequency_and_nyquist(kind, expected):
    b, a = DESIGNS[kind](GAINS_DB, 2000.0, 0.8, 44_100)
    radians = 2 * np.pi * np.array([0.0, 2000.0, 22_050.0]) / 44_100
    for item, gain_db in enumerate(GAINS_DB.tolist()):
        _, response = freqz(b[item].numpy(), a[item].numpy(), worN=radians)
        levels = 20 * np.log10(np.abs(response))
        np.testing.assert_allclose(levels, gain_db * np.array(expected), atol=1e-9)


@pytest.mark.parametrize("kind", DESIGNS)
@pytest.mark.parametrize("frequency_hz", [30.0, 5000.0, 90_000.0])
def test_negative_gain_is_the_exact_inverse(kind, frequency_hz):
    forth = DESIGNS[kind](GAINS_DB, frequency_hz, 0.7, 44_100)
    back = DESIGNS[kind](-GAINS_DB, frequency_hz, 0.7, 44_100)
    torch.testing.assert_close(back.b, forth.a / forth.b[:, :1], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(back.a, forth.b / forth.b[:, :1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", DESIGNS)
def test_a_gain_of_0_db_is_exactly_flat(kind):
    b, a = DESIGNS[kind](torch.zeros(1), 300.0, 0.7, 44_100)
    assert torch.equal(a, b)


@pytest.mark.parametrize("kind", DESIGNS)
@pytest.mark.parametrize("sample_rate", [8000, 44_100, 192_000])
def test_stable_at_any_rate(kind, sample_rate):
    for frequency_hz in (20.0, 5000.0, 20_000.0):
        _, a = DESIGNS[kind](GAINS_DB, frequency_hz, 0.7, sample_rate)
        for row in a.numpy():
            assert np.abs(np.roots(row)).max() < 1


@pytest.mark.parametrize("kind", DESIGNS)
def test_gradient_of_the_gain(kind):
    gains = GAINS_DB.clone().requires_grad_()
    assert gradcheck(lambda g: tuple(DESIGNS[kind](g, 1000.0, 0.7, 44_100)), gains)


def test_invalid_parameters():
    with pytest.raises(ValueError, match=r"q: .*-1"):
        peak(GAINS_DB, 1000.0, -1.0, 44_100)
    with pytest.raises(ValueError, match=r"slope: .*2"):
        low_shelf(GAINS_DB, 1000.0, 2.0, 44_100)
    with pytest.raises(ValueError, match=r"frequency_hz: .*0"):
        high_shelf(GAINS_DB, 0.0, 0.7, 44_100)
