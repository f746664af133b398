"""Tests of true peaks: equality with scipy and a convolution, bounds used for skipping."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter, resample_poly

from ai_mixer.dsp import true_peak as module
from ai_mixer.dsp.true_peak import (
    CURVATURE_WEIGHT,
    SHARP,
    SOFT,
    envelope_by_convolution,
    max_peak_ratio,
    phase_filters,
    true_peak,
    true_peak_envelope,
)
from helpers import signals
from helpers.measures import to_db

noise = partial(signals.noise, level=1.0)


def faded_sine(frequency, phase, length=2000):
    """Sine with a frequency in cycles per sample, faded to avoid ringing at the ends."""
    n = torch.arange(length, dtype=torch.float64)
    fade = torch.hann_window(length, dtype=torch.float64).clamp_max(0.2) / 0.2
    return (fade * torch.sin(2 * math.pi * frequency * n + phase))[None, None]


def test_true_peak_of_a_quarter_rate_sine_is_3_db_above_its_samples():
    x = faded_sine(1 / 4, math.pi / 4)
    assert to_db(x.abs().max()) == pytest.approx(-3.01, abs=0.01)
    assert to_db(true_peak(x)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("frequency", [0.001, 0.1, 0.31, 0.41])
@pytest.mark.parametrize("phase", [0.0, 0.5, 1.0])
def test_true_peak_of_a_sine_is_its_amplitude(frequency, phase):
    # Four points per sample miss the crest by at most cos(π f / 4): BS.1770-4, attachment 1.
    lowest = to_db(math.cos(math.pi * frequency / 4))
    assert lowest - 0.02 <= to_db(true_peak(faded_sine(frequency, phase))) <= 0.02


@pytest.mark.parametrize("oversample", [2, 4, 8, 16])
def test_agrees_with_scipy_on_band_limited_noise(oversample):
    spectrum = torch.fft.rfft(noise(4, 2, 3000).double())
    spectrum[..., 1200:] = 0
    x = torch.fft.irfft(spectrum, n=3000) * torch.hann_window(3000)
    dense = resample_poly(x.numpy(), oversample, 1, axis=-1, window=("kaiser", 8.0))
    expected = np.abs(dense).max(axis=(1, 2))
    assert true_peak(x, oversample).numpy() == pytest.approx(expected, rel=0.003)


def test_envelope_covers_both_neighbours_and_both_ends():
    x = torch.zeros(1, 1, 64, dtype=torch.float64)
    x[..., 31:33] = 1.0  # the waveform has its peak between these two samples
    envelope = true_peak_envelope(x)[0, 0]
    assert envelope[31] == envelope[32] == true_peak(x)
    assert envelope[31] > 1.2
    start = torch.sign(torch.sinc(torch.arange(64) + 0.5)).double()[None, None]
    assert true_peak_envelope(start)[0, 0, 0] > 1.2  # the peak is half a sample before x


def test_true_peak_is_at_least_the_sample_peak_and_scales():
    x = noise(3, 2, 500, seed=1)
    assert (true_peak(x) >= x.abs().amax(dim=(1, 2))).all()
    torch.testing.assert_close(true_peak(30 * x), 30 * true_peak(x))
    assert not true_peak(torch.zeros(1, 2, 10)).any()


@pytest.mark.parametrize("kind", [SHARP, SOFT])
@pytest.mark.parametrize("length", [1, 5, 255, 256, 257, 1000])
def test_the_kernel_equals_a_convolution(kind, length):
    x = noise(2, 2, length, seed=3).double()
    expected = envelope_by_convolution(x, 8, kind)
    torch.testing.assert_close(true_peak_envelope(x, 8, kind), expected, rtol=1e-12, atol=1e-12)
    single = true_peak_envelope(x.float(), 8, kind)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single, expected.float(), rtol=1e-5, atol=1e-5)


def test_the_floor_does_not_change_values_above_it():
    swell = torch.linspace(0, 1, 20_000, dtype=torch.float64) ** 4
    x = swell * noise(1, 1, 20_000, seed=4).double()
    exact, quick = true_peak_envelope(x), true_peak_envelope(x, floor=0.5)
    assert torch.equal(quick[exact > 0.5], exact[exact > 0.5])
    assert torch.equal(quick[..., :4096], x[..., :4096].abs())
    assert (quick <= exact).all()


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 999),
    dullness=st.floats(0.0, 0.999),
    gate=st.floats(0.0, 4.0),
    clipped=st.floats(0.05, 1.0),
    floor=st.floats(0.01, 3.0),
    kind=st.sampled_from([SHARP, SOFT]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_the_floor_for_random_signals(seed, dullness, gate, clipped, floor, kind, dtype):
    """Noise from white to low-passed, from dense to single clicks, clipped or not."""
    samples = noise(2, 2, 1500, seed=seed).double()
    sparse = torch.where(samples.abs() > gate, samples, 0.0).numpy()
    filtered = torch.from_numpy(lfilter([1 - dullness], [1, -dullness], sparse))
    x = filtered / filtered.abs().amax().clamp_min(1e-9)
    x = x.clamp(-clipped, clipped).to(dtype)
    exact = true_peak_envelope(x, 8, kind)
    quick = true_peak_envelope(x, 8, kind, floor=floor * clipped)
    assert torch.equal(quick[exact > floor * clipped], exact[exact > floor * clipped])
    if kind is SHARP:
        assert torch.equal(true_peak(x, 8), exact.amax(dim=(1, 2)))


@pytest.mark.parametrize("kind", [SHARP, SOFT])
@pytest.mark.parametrize("oversample", [2, 3, 4, 8, 16])
def test_a_phase_is_a_linear_interpolation_plus_second_differences(kind, oversample):
    """With the total weight of `CURVATURE_WEIGHT`."""
    time = np.arange(1 - kind.half, kind.half + 1)
    for phase in phase_filters(oversample, kind).numpy():
        # The line with the phase's sum and centroid; the remainder consists of second differences.
        right = (phase * time).sum()
        line = np.zeros(2 * kind.half)
        line[kind.half - 1 : kind.half + 1] = phase.sum() - right, right
        differences = np.cumsum(np.cumsum(phase - line))[:-2]
        np.testing.assert_allclose(line + np.convolve(differences, [1, -2, 1]), phase, atol=1e-12)
        assert np.abs(line).sum() <= 1
        assert np.abs(differences).sum() <= CURVATURE_WEIGHT


def test_the_chunk_size_does_not_matter(monkeypatch):
    x = noise(2, 2, 5000, seed=5)
    whole = true_peak(x)
    monkeypatch.setattr(module, "CHUNK_SAMPLES", 700)
    assert torch.equal(true_peak(x), whole)


def test_true_peak_of_nan_is_nan():
    x = torch.zeros(1, 1, 300)
    x[..., 100] = math.nan
    assert true_peak(x).isnan()


def test_the_maximum_peak_ratio_is_reached():
    worst = phase_filters(4)[1].sign().flip(0)[None, None]
    assert float(true_peak(worst)) == pytest.approx(max_peak_ratio(4))
    assert max_peak_ratio(1) == 1


def test_oversample_1_is_the_sample_peak_and_0_an_error():
    x = torch.tensor([[[0.5, -0.75]]])
    assert true_peak(x, oversample=1).item() == 0.75
    with pytest.raises(ValueError, match=r"oversample .*0"):
        true_peak(x, oversample=0)
