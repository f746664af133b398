"""Tests of K-weighting: coefficients of the standard, equality with scipy, gradient."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from ai_mixer.dsp.k_weighting import hop_energies, k_weight, k_weighting
from helpers.signals import noise


def stepped_noise(seconds, rate):
    """[1, 2, T] float64: loud, then quiet, then silent."""
    x = noise(1, 2, seconds=seconds, rate=rate, level=1.0, dtype=torch.float64)
    x[..., x.shape[-1] // 2 :] *= 1e-4
    x[..., 3 * x.shape[-1] // 4 :] = 0
    return x


def filtered(x, rate):
    y = x.numpy()
    for b, a in k_weighting(rate):
        y = lfilter(b, a, y)
    return y


def test_coefficients_at_48_khz_equal_those_of_the_standard():
    (shelf_b, shelf_a), (pass_b, pass_a) = k_weighting(48000)
    assert shelf_b == pytest.approx((1.53512485958697, -2.69169618940638, 1.19839281085285))
    assert shelf_a == pytest.approx((1.0, -1.69065929318241, 0.73248077421585))
    assert pass_b == (1.0, -2.0, 1.0)
    assert pass_a == pytest.approx((1.0, -1.99004745483398, 0.99007225036621))


@pytest.mark.parametrize("rate", [8000, 44100, 96000, 192000])
def test_k_weight_equals_the_recursive_filters(rate):
    x = stepped_noise(2, rate)
    expected = filtered(x, rate)
    assert np.abs(k_weight(x, rate).numpy() - expected).max() < 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_hop_energies_equal_those_of_the_filtered_signal(rate, dtype):
    x, hop = stepped_noise(1, rate).to(dtype), rate // 10
    energies = hop_energies(x[..., :-7], rate, hop)
    squares = filtered(x.double(), rate)[..., : 9 * hop].reshape(2, 9, hop) ** 2
    assert energies.shape == (1, 9)
    assert energies.dtype == dtype
    assert energies[0].numpy() == pytest.approx(squares.sum((0, 2)), rel=1e-5)


def test_gradient_of_the_energies():
    x = stepped_noise(0.02, 8000).requires_grad_()
    assert torch.autograd.gradcheck(lambda y: hop_energies(y, 8000, 30), x)


def test_too_low_sample_rates_are_errors():
    with pytest.raises(ValueError, match="2000 Hz"):
        k_weighting(2000)
