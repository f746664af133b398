"""Tests of the delay: equality with scipy, echo times, errors."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from ai_mixer.effects.delay import Delay
from helpers.signals import noise


def wet(value, batch=1):
    return torch.full((batch,), value, dtype=torch.float64)


@pytest.mark.parametrize("length", [50, 99, 100, 101, 1000, 1234])
@pytest.mark.parametrize("feedback", [0.0, 0.35, 0.9])
def test_equals_a_comb_filter_of_scipy(length, feedback):
    x = noise(1, 2, length, level=1.0).double()
    comb = np.zeros((2, 101))
    comb[0, 100], comb[1, 0], comb[1, 100] = 1.0, 1.0, -feedback
    expected = 0.6 * x.numpy() + 0.4 * lfilter(*comb, x.numpy())
    y = Delay(delay_ms=10, feedback=feedback)(x, 10_000, wet=wet(0.4))
    np.testing.assert_allclose(y.numpy(), expected, atol=1e-12)


def test_echoes_of_an_impulse():
    x = torch.zeros(1, 1, 40, dtype=torch.float64)
    x[..., 0] = 1.0
    y = Delay(delay_ms=1, feedback=0.5)(x, 10_000, wet=wet(0.25))[0, 0]
    assert y.nonzero().squeeze(1).tolist() == [0, 10, 20, 30]
    assert y[::10].tolist() == pytest.approx([0.75, 0.25, 0.125, 0.0625])


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_delay_time_is_independent_of_the_sample_rate(rate):
    x = torch.zeros(1, 1, rate, dtype=torch.float64)
    x[..., 0] = 1.0
    y = Delay(delay_ms=350)(x, rate, wet=wet(1.0))[0, 0]
    assert y.argmax() / rate == pytest.approx(0.35, abs=1e-4)


def test_neutral_returns_the_input_unless_the_knob_needs_a_gradient():
    x, knob = noise(1, 2, 500, level=1.0).double(), wet(0.0)
    assert Delay(1)(x, 10_000, wet=knob) is x
    assert torch.equal(Delay(1)(x, 10_000, wet=knob.requires_grad_()), x)


def test_invalid_parameters():
    with pytest.raises(ValueError, match=r"delay_ms .*0"):
        Delay(delay_ms=0)
    with pytest.raises(ValueError, match=r"feedback .*1"):
        Delay(feedback=1)
