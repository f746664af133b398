"""Tests of the reverb: response, convolution, determinism, gradient."""

import hashlib
import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy.signal import butter, fftconvolve, sosfiltfilt
from torch.autograd import gradcheck

from ai_mixer.dsp import block_convolution
from ai_mixer.effects.reverb import Reverb, impulse_response
from helpers import signals

ROOM = Reverb().room
OCTAVES_HZ = (250, 500, 1000, 2000, 4000)

noise = partial(signals.noise, level=1.0, dtype=torch.float64)


def wet(value, batch=1):
    return torch.full((batch,), value, dtype=torch.float64)


def band_energy(rate, centre_hz):
    """Energy over time of the response in one octave, over all paths, times the sample rate.

    The factor makes energies at different sample rates comparable.
    """
    edges = (centre_hz / math.sqrt(2), centre_hz * math.sqrt(2))
    band = butter(3, edges, "bandpass", fs=rate, output="sos")
    paths = impulse_response(ROOM, rate).numpy()
    padded = np.pad(paths, ((0, 0), (0, 0), (rate // 2, rate // 2)))
    energy = np.square(sosfiltfilt(band, padded)).sum(axis=(0, 1)) * rate
    return energy[rate // 2 : -(rate // 2)]


def decay_time(rate, centre_hz):
    """T30 by backward integration (Schroeder 1965; ISO 3382-1: −5 to −35 dB, doubled)."""
    left = np.cumsum(band_energy(rate, centre_hz)[::-1])[::-1]
    level_db = 10 * np.log10(left / left[0])
    first, last = np.argmax(level_db < -5), np.argmax(level_db < -35)
    return 2 * (last - first) / rate


@pytest.mark.parametrize("centre_hz", OCTAVES_HZ)
def test_decay_time_and_energy_are_independent_of_the_sample_rate(centre_hz):
    times = [decay_time(rate, centre_hz) for rate in (16_000, 44_100, 48_000, 96_000)]
    energies = [band_energy(rate, centre_hz).sum() for rate in (16_000, 44_100, 48_000)]
    assert times == pytest.approx([times[0]] * 4, rel=0.02)
    levels_db = 10 * np.log10(energies)
    assert levels_db == pytest.approx([levels_db[0]] * 3, abs=0.2)


def test_decay_time_is_met_at_low_and_shorter_at_high_frequencies():
    times = [decay_time(44_100, centre_hz) for centre_hz in OCTAVES_HZ]
    assert times[:2] == pytest.approx([ROOM.decay_s] * 2, rel=0.15)
    assert all(later < earlier * 1.1 for earlier, later in itertools.pairwise(times))
    assert times[-1] < 0.9 * times[0]


def test_the_level_of_pink_noise_is_kept():
    x = noise(1, 2, 10 * 44_100)
    spectrum = torch.fft.rfft(x)
    frequency = torch.fft.rfftfreq(x.shape[-1], 1 / 44_100)
    spectrum = spectrum * ((frequency > 50) & (frequency < 16_000)) / frequency.clip(1).sqrt()
    x = torch.fft.irfft(spectrum, n=x.shape[-1])
    y = Reverb()(x, 44_100, wet=wet(1.0))
    change_db = 20 * torch.log10(y[..., 2 * 44_100 :].std() / x[..., 2 * 44_100 :].std())
    assert abs(change_db.item()) < 0.5


def test_the_reverb_starts_after_the_predelay_in_both_channels():
    x = torch.zeros(1, 2, 44_100)
    x[:, 0, 0] = 1.0  # left only
    y = Reverb(predelay_ms=20)(x, 44_100, wet=torch.ones(1))[0]
    before, after = y[:, :840], y[:, 880:]  # the band limit causes ringing around the reflection
    assert before.square().sum() < 1e-4 * after.square().sum()
    left, right = after.square().sum(-1)
    assert 0.5 < left / right < 2
    assert torch.corrcoef(after)[0, 1].abs() < 0.1


@pytest.mark.parametrize("length", [1, 500, 3000, 9000])
@pytest.mark.parametrize("together", [1, 3, 8])
def test_equals_direct_convolution(length, together, monkeypatch):
    """For any number of blocks (of 1500 to 2300 samples) per transform."""
    monkeypatch.setattr(block_convolution, "BLOCKS_PER_TRANSFORM", together)
    reverb_ = Reverb(decay_s=0.2, seed=7)
    x, paths = noise(2, 2, length), impulse_response(reverb_.room, 8000).numpy()
    expected = [
        [sum(fftconvolve(s, p)[:length] for s, p in zip(song, path, strict=True)) for path in paths]
        for song in x.numpy()
    ]
    y = reverb_(x, 8000, wet=wet(1.0, 2))
    np.testing.assert_allclose(y.numpy(), expected, atol=1e-10)


def test_mono_equals_the_left_output_for_equal_channels():
    x = noise(1, 1, 4000)
    both = Reverb()(x.expand(1, 2, -1), 8000, wet=wet(0.5))
    torch.testing.assert_close(Reverb()(x, 8000, wet=wet(0.5))[:, 0], both[:, 0])


def test_the_response_of_a_seed_is_fixed():
    """On all machines and with all versions of NumPy."""
    paths = impulse_response(ROOM, 8000)
    coarse = (paths / paths.abs().max() * 1000).round().to(torch.int16)
    digest = hashlib.sha256(coarse[..., :2000:50].numpy().tobytes()).hexdigest()[:16]
    assert digest == "16efe200138b9baf"
    assert not torch.equal(paths, impulse_response(ROOM._replace(seed=2), 8000))


@pytest.mark.parametrize("channels", [1, 2])
def test_gradient(channels, monkeypatch):
    monkeypatch.setattr(block_convolution, "BLOCKS_PER_TRANSFORM", 1)  # 300 samples: two blocks
    effect, x, knob = Reverb(decay_s=0.01, predelay_ms=0), noise(2, channels, 300), wet(0.4, 2)
    assert gradcheck(
        lambda x, knob: effect(x, 8000, wet=knob)[..., ::7],
        (x.requires_grad_(), knob.requires_grad_()),
    )


def test_neutral_returns_the_input_unless_the_knob_needs_a_gradient():
    x, knob = noise(1, 2, 500), wet(0.0)
    assert Reverb()(x, 8000, wet=knob) is x
    assert torch.equal(Reverb()(x, 8000, wet=knob.requires_grad_()), x)


def test_invalid_parameters():
    with pytest.raises(ValueError, match=r"decay_s .*0"):
        Reverb(decay_s=0)
    assert Reverb(predelay_ms=0).room.predelay_ms == 0
