"""Tests of the saturation: harmonics, aliasing, and equality with an independent oversampling."""

import numpy as np
import pytest
import torch
from scipy.signal import firwin, lfilter, resample_poly

from ai_mixer.dsp.oversampling import interpolator
from ai_mixer.effects.saturation import Saturation
from helpers.effects import music
from helpers.measures import residual_db
from helpers.signals import sine

RATE = 44_100
FULL_DRIVE_DB = 9.0


def knobs(drive_db, even):
    return {"drive_db": torch.tensor([drive_db]).double(), "even": torch.tensor([even]).double()}


def power_spectrum(x):
    """Of one second in the middle: bins of 1 Hz, 0 Hz first."""
    middle = x[0, 0, x.shape[-1] // 2 - RATE // 2 :][:RATE]
    return np.abs(np.fft.rfft(middle.numpy())) ** 2


@pytest.mark.parametrize("even", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("level", [0.99, 0.3])
def test_aliasing_of_a_tone_of_5_khz_at_full_drive_is_80_db_down(even, level):
    tone = sine(5000.0, 3.0, RATE, level=level).double().reshape(1, 1, -1)
    power = power_spectrum(Saturation()(tone, RATE, **knobs(FULL_DRIVE_DB, even)))
    harmonics = power[::5000].sum()
    assert 10 * np.log10((power.sum() - harmonics) / power.max()) <= -80


def test_without_oversampling_the_same_tone_would_alias():
    tone = sine(5000.0, 3.0, RATE, level=0.99).double().reshape(1, 1, -1)
    power = power_spectrum(tone / (1 + 7 * tone.square()).sqrt())
    assert 10 * np.log10((power.sum() - power[::5000].sum()) / power.max()) > -40


def test_the_balance_chooses_odd_or_even_harmonics():
    tone = sine(1000.0, 3.0, RATE, level=0.9).double().reshape(1, 1, -1)
    odd, even = (power_spectrum(Saturation()(tone, RATE, **knobs(6.0, e))) for e in (0.0, 1.0))
    assert 10 * np.log10(odd[[2000, 4000]].max() / odd[1000]) < -150
    assert 10 * np.log10(odd[3000] / odd[1000]) > -30
    assert 10 * np.log10(even[[3000, 5000]].max() / even[1000]) < -150
    assert 10 * np.log10(even[2000] / even[1000]) > -30
    assert 10 * np.log10(even[0] / even[1000]) < -60  # DC


@pytest.mark.parametrize("even", [0.0, 0.7])
def test_it_equals_oversampling_by_scipy(even):
    x, drive = music(channels=1), 8.0
    y = Saturation()(x, RATE, **knobs(10 * np.log10(1 + drive), even))
    taps = firwin(145, 0.24, window=("kaiser", 9.0))
    u = resample_poly(np.pad(x[0, 0].numpy(), 200), 4, 1, window=taps)
    odd = u / np.sqrt(1 + drive * u**2) - u
    bend = 0.5 * drive * u**2 / (1 + drive * u**2)
    d = resample_poly((1 - even) * odd + even * bend, 1, 4, window=taps)
    pole = np.exp(-2 * np.pi * 5 / RATE)
    d = lfilter([(1 + pole) / 2, -(1 + pole) / 2], [1, -pole], d)[200:-200]
    assert residual_db(y[0, 0], x[0, 0].numpy() + d) <= -90


def test_small_signals_are_unchanged():
    x = 1e-4 * music()
    assert residual_db(Saturation()(x, RATE, **knobs(FULL_DRIVE_DB, 0.0)), x) <= -120


def test_the_balance_is_inaudible_without_drive():
    audible = Saturation().audible_knobs(music(), RATE, **knobs(0.1, 0.5))
    assert audible["drive_db"].item()
    assert not audible["even"].item()


def test_interpolation_passes_the_samples_and_the_constant():
    np.testing.assert_allclose(interpolator().sum(axis=1), 1.0, atol=2e-4)
