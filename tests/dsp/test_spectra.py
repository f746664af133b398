"""Tests of spectra: equality with scipy, power of bands, gradients."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt, sosfreqz, stft, welch

from ai_mixer.dsp import spectra
from helpers import signals

noise = partial(signals.noise, level=1.0, dtype=torch.float64)


def test_sum_and_difference_invert_mid_side():
    x = noise(2, 2, 100)
    mid, side = spectra.mid_side(x).unbind(1)
    assert torch.allclose(torch.stack([mid + side, mid - side], 1), x)
    assert torch.equal(spectra.mid_side(x[:, :1])[:, 0], x[:, 0])
    assert spectra.mid_side(x[:, :1])[:, 1].abs().max() == 0
    with pytest.raises(ValueError, match="got 3"):
        spectra.mid_side(noise(1, 3, 10))


@pytest.mark.parametrize("n_fft", [512, 2048])
def test_magnitude_equals_scipy(n_fft):
    x = noise(2, 2, 6000)
    hop = n_fft // 4
    got = spectra.magnitude(x, n_fft, hop)
    # scipy divides by the window's sum and extends "even" = torch's "reflect"
    _, _, expected = stft(
        x.numpy(), nperseg=n_fft, noverlap=n_fft - hop, boundary="even", padded=False
    )
    expected = abs(torch.from_numpy(expected)) * n_fft / 2
    assert got.shape == (2, 2, n_fft // 2 + 1, 6000 // hop + 1)
    frames = min(got.shape[-1], expected.shape[-1])
    assert torch.allclose(got[..., :frames], expected[..., :frames], atol=1e-8)


@pytest.mark.parametrize(
    ("length", "n_fft", "hop"),
    [(16, 16, 4), (16, 16, 16), (16, 16, 5), (15, 15, 6), (12, 16, 6), (7, 16, 3), (16, 16, 20)],
)
def test_short_time_power_and_its_gradient(length, n_fft, hop):
    """Windows shorter than the transform, odd sizes, overlapping, adjacent and separate frames."""
    x, window = noise(2, 50), torch.hann_window(length, dtype=torch.float64) + 0.1
    frames = x.unfold(-1, length, hop) * window
    expected = torch.fft.rfft(frames, n_fft).abs().square()
    got = spectra.short_time_power(x, window, n_fft, hop)
    assert torch.allclose(got, expected, atol=1e-10)
    assert torch.autograd.gradcheck(
        lambda z: spectra.short_time_power(z, window, n_fft, hop), x.requires_grad_()
    )


def test_magnitude_of_sine_noise_and_silence():
    time = torch.arange(16384, dtype=torch.float64)
    sine = torch.sin(2 * math.pi * 64 / 1024 * time)
    assert spectra.magnitude(sine, 1024, 256)[64, 20].item() == pytest.approx(256)
    level = spectra.magnitude(0.1 * noise(1, 400_000), 1024, 256)[:, 5:-5].square().mean().sqrt()
    assert level.item() == pytest.approx(spectra.noise_magnitude(1024, -20.0), rel=0.01)
    silence = torch.zeros(1, 2, 100, requires_grad=True)
    log = spectra.magnitude(silence, 512, 128).log().sum()
    log.backward()
    assert log.isfinite()
    assert silence.grad.abs().max() == 0


@pytest.mark.parametrize(("rate", "bands"), [(44100, 28), (48000, 28), (32000, 27), (8000, 21)])
def test_all_bands_are_below_nyquist(rate, bands):
    assert len(spectra.third_octave_centres(rate)) == bands
    assert spectra.third_octave_db(noise(1, 2, 9000), rate).shape == (1, 2, bands)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_band_weights_of_each_bin_add_up_to_one(rate):
    n_fft = 2 ** round(math.log2(spectra.WELCH_WINDOW_S * rate))
    share = torch.from_numpy(spectra._band_weights(n_fft, rate)).sum(1)
    freq = torch.arange(n_fft // 2 + 1) * rate / n_fft
    top = spectra.third_octave_centres(rate)[-1] * spectra.BAND_EDGE_RATIO
    inside = (freq > 36) & (freq < top - rate / n_fft)
    assert torch.allclose(share[inside], torch.ones(()).double())


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
@pytest.mark.parametrize("band", [6, 10, 15, 20])
def test_a_sine_has_its_level_in_its_band(rate, band):
    centre = spectra.third_octave_centres(rate)[band]
    x = 0.1 * torch.sin(2 * math.pi * centre / rate * torch.arange(2 * rate, dtype=torch.float64))
    levels = spectra.third_octave_db(x[None, None], rate)[0, 0]
    assert levels.argmax() == band
    assert levels[band].item() == pytest.approx(-23.01, abs=0.1)


def test_levels_of_white_noise_follow_the_band_widths():
    levels = spectra.third_octave_db(noise(1, 1, 2_000_000), 44100)[0, 0]
    for band, centre in enumerate(spectra.third_octave_centres(44100)):
        width = centre * (spectra.BAND_EDGE_RATIO - 1 / spectra.BAND_EDGE_RATIO)
        assert levels[band].item() == pytest.approx(10 * math.log10(width / 22050), abs=0.6)


def test_bands_add_up_to_the_power():
    sos = butter(6, [60, 8000], "bandpass", fs=44100, output="sos")
    x = torch.from_numpy(sosfilt(sos, noise(1, 2, 400_000).numpy()))
    power = spectra.third_octave_power(x, 44100).sum(-1)
    assert torch.allclose(power, x.square().mean(-1), rtol=0.02)


def test_equals_scipy_welch_summed_per_band():
    x = noise(1, 1, 100_000)
    freq, density = welch(x.numpy(), 44100, nperseg=8192, detrend=False)
    weights = torch.from_numpy(spectra._band_weights(8192, 44100))
    expected = torch.from_numpy(density) @ weights * freq[1]
    assert torch.allclose(spectra.third_octave_power(x, 44100), expected, rtol=1e-9)


def test_band_levels_show_the_response_of_a_filter():
    sos = butter(2, 1000, "lowpass", fs=44100, output="sos")
    x = noise(1, 1, 1_000_000)
    y = torch.from_numpy(sosfilt(sos, x.numpy()))
    drop = (spectra.third_octave_db(y, 44100) - spectra.third_octave_db(x, 44100))[0, 0]
    centres = spectra.third_octave_centres(44100)
    _, response = sosfreqz(sos, worN=centres, fs=44100)
    expected = 20 * torch.from_numpy(abs(response)).log10()
    assert torch.allclose(drop[3:-5], expected[3:-5], atol=0.6)


@settings(deadline=None, max_examples=25)
@given(length=st.integers(1, 20000), channels=st.integers(1, 2), seed=st.integers(0, 99))
def test_any_length_is_finite_per_item_and_scales_with_gain(length, channels, seed):
    x = noise(2, channels, length, seed=seed)
    levels = spectra.third_octave_db(x, 44100)
    assert levels.isfinite().all()
    assert torch.allclose(levels[1:], spectra.third_octave_db(x[1:], 44100))
    assert torch.allclose(spectra.third_octave_db(2 * x, 44100), levels + 20 * math.log10(2))


def test_silence_and_gradient():
    x = torch.zeros(1, 2, 9000, requires_grad=True)
    levels = spectra.third_octave_db(x, 44100)
    levels.sum().backward()
    assert levels.unique().tolist() == [-120.0]
    assert x.grad.abs().max() == 0
    y = noise(1, 2, 600).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: spectra.third_octave_db(z, 8000), y, fast_mode=True, atol=1e-4
    )
    assert torch.autograd.gradcheck(
        lambda z: spectra.magnitude(z, 128, 32).log(), y, fast_mode=True, atol=1e-4
    )


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_bands_between_any_edges_add_up_to_the_power(rate):
    x = noise(2, 1, rate)
    density = spectra.long_term_power(x, rate)
    edges = (0.0, 100.0, 1234.5, rate / 4, rate / 2, rate)
    power = spectra.band_power(density, rate, edges)
    assert power.shape == (2, 1, 5)
    assert torch.allclose(power.sum(-1), x.square().mean(-1), rtol=0.05)
    assert power[..., -1].max() <= density[..., -1].max()  # above Nyquist: half a bin


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_centroid_of_a_tone_is_its_frequency_at_any_level(rate):
    time = torch.arange(rate, dtype=torch.float64) / rate
    for level in (1.0, 1e-4):
        tone = level * torch.sin(2 * math.pi * 1500 * time + 0.2)[None]
        centre = spectra.centroid_hz(spectra.long_term_power(tone, rate), rate)
        assert centre.item() == pytest.approx(1500, rel=0.01)
    assert spectra.centroid_hz(spectra.long_term_power(0 * tone, rate), rate).isnan().all()
