"""Tests of resampling: pass band, stop band, equality with scipy and torchaudio, gradient."""

import math

import numpy as np
import pytest
import torch
from scipy import signal

from ai_mixer.dsp.resample import common_period, half_width_samples, resample
from ai_mixer.utils.torchaudio_shim import torchaudio
from helpers.measures import residual_db
from helpers.signals import sine

RATES = [
    (48_000, 44_100),
    (44_100, 48_000),
    (96_000, 48_000),
    (22_050, 44_100),
    (44_056, 44_100),
    (44_100, 16_000),
    (8_000, 44_100),
]


def inner_db(x, y):
    """Residual of x and y without the edges."""
    inner = slice(len(y) // 4, -len(y) // 4)
    return residual_db(x[inner], y[inner])


@pytest.mark.parametrize(("old", "new"), RATES)
@pytest.mark.parametrize("share", [0.01, 0.5, 0.85])
def test_a_sine_below_nyquist_is_preserved(old, new, share):
    frequency = share * min(old, new) / 2
    expected = sine(frequency, 0.5, new)
    assert inner_db(resample(sine(frequency, 0.5, old), old, new)[: len(expected)], expected) < -90


@pytest.mark.parametrize(("old", "new"), [(48_000, 44_100), (44_100, 16_000), (96_000, 44_100)])
def test_frequencies_above_the_new_nyquist_are_removed(old, new):
    out = resample(sine(1.03 * new / 2, 0.5, old), old, new)
    assert out[len(out) // 4 : -len(out) // 4].abs().max() < 1e-5


@pytest.mark.parametrize(("old", "new"), RATES)
def test_equals_scipy(old, new):
    common = math.gcd(old, new)
    up, down = new // common, old // common
    band = signal.firwin(511, 0.35 * min(old, new), fs=old)  # both filters are flat to here
    noise = signal.fftconvolve(np.random.default_rng(0).normal(size=old // 2), band, mode="same")
    longest = max(up, down)
    taps = signal.firwin(2 * 200 * longest + 1, 0.97 / longest, window=("kaiser", 12.0))
    expected = torch.from_numpy(signal.resample_poly(noise, up, down, window=taps))
    out = resample(torch.from_numpy(noise), old, new)
    assert len(out) == math.ceil(len(noise) * up / down) == len(expected)
    assert inner_db(out, expected) < -90


@pytest.mark.parametrize(("old", "new"), [pair for pair in RATES if 44_056 not in pair])
def test_equals_torchaudio(old, new):
    """Below 0.35 of the lower rate, where both filters are flat. 44056 Hz would need 1 GB."""
    band = signal.firwin(511, 0.35 * min(old, new), fs=old)
    noise = signal.fftconvolve(np.random.default_rng(1).normal(size=old // 2), band, mode="same")
    expected = torchaudio.functional.resample(
        torch.from_numpy(noise),
        old,
        new,
        lowpass_filter_width=100,
        rolloff=0.95,
        resampling_method="sinc_interp_kaiser",
        beta=12.0,
    )
    out = resample(torch.from_numpy(noise), old, new)
    assert len(out) == len(expected)
    assert inner_db(out, expected) < -90


def test_equal_rates_return_the_input():
    x = torch.randn(2, 100)
    assert resample(x, 44_100, 44_100) is x


def test_resampling_is_linear_and_per_channel():
    x, y = torch.randn(2, 3, 2_000, dtype=torch.float64)
    both = resample(x + 2 * y, 48_000, 44_100)
    torch.testing.assert_close(both, resample(x, 48_000, 44_100) + 2 * resample(y, 48_000, 44_100))
    torch.testing.assert_close(both[1], resample(x[1] + 2 * y[1], 48_000, 44_100))


def test_the_influence_of_a_sample_is_within_the_half_width():
    step_in, step_out = common_period(48_000, 44_100)
    assert (step_in, step_out) == (160, 147)
    x = torch.zeros(4 * step_in, dtype=torch.float64)
    x[2 * step_in] = 1.0
    extent = resample(x, 48_000, 44_100).nonzero()[[0, -1], 0] * (160 / 147)
    assert (extent - 2 * step_in).abs().max() <= half_width_samples(48_000, 44_100)


def test_gradient():
    x = torch.randn(2, 40, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resample(x, 3, 2), x)


def test_short_and_empty_audio():
    assert resample(torch.zeros(2, 1), 48_000, 44_100).shape == (2, 1)
    assert resample(torch.zeros(2, 0), 48_000, 44_100).shape == (2, 0)


def test_sample_rates_must_be_positive():
    with pytest.raises(ValueError, match=r"positive.* 0"):
        resample(torch.zeros(2, 9), 0, 44_100)
