"""Tests of loudness: BS.1770-4 and equality with pyloudnorm (signals of the EBU: test_ebu.py)."""

import math
import re
import shutil
import subprocess

import numpy as np
import pyloudnorm
import pytest
import soundfile
import torch
from scipy.signal import lfilter

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp import loudness
from ai_mixer.dsp.resample import resample
from helpers.music import finished_songs
from helpers.signals import sine

RATE = 48000


def tone(seconds, peak_db, freq_hz=1000.0, rate=RATE, channels=2):
    return sine(freq_hz, seconds, rate, 10 ** (peak_db / 20)).repeat(1, channels, 1)


def music_like(seconds, rate, seed=0, channels=2):
    """Low-passed noise in sections of different loudness, with hits and a silent section."""
    rng = np.random.default_rng(seed)
    length = round(seconds * rate)
    noise = lfilter([1.0], [1.0, -0.95], rng.standard_normal((channels, length)))
    bars = np.repeat(rng.uniform(-45, 0, int(seconds) + 1), rate)[:length]
    hits = np.exp(-(np.arange(length) % (rate // 2)) / (0.1 * rate))
    bars[2 * rate : 3 * rate] = -300
    return torch.from_numpy(0.05 * noise * 10 ** (bars / 20) * hits)[None]


def oracle(x, rate, **kwargs):
    meter = pyloudnorm.Meter(rate, **kwargs)
    return torch.tensor([meter.integrated_loudness(item.T.numpy()) for item in x.double()])


@pytest.mark.parametrize("channel", [0, 1])
def test_a_full_scale_sine_on_one_channel_has_minus_3_lufs(channel):
    """BS.1770-4 Annex 1: 0 dBFS at 997 Hz on left or right reads −3.01 LKFS."""
    x = torch.zeros(1, 2, 5 * RATE, dtype=torch.float64)
    x[:, channel] = tone(5, 0.0, freq_hz=997.0, channels=1)[:, 0]
    assert loudness.loudness_lufs(x, RATE).item() == pytest.approx(-3.01, abs=0.01)


MEASURES = {
    "integrated": loudness.loudness_lufs,
    "momentary": loudness.momentary_lufs,
    "short-term": loudness.short_term_lufs,
    "range": loudness.loudness_range_lu,
    "short": lambda x, rate: loudness.loudness_lufs(x[..., :1000], rate),
}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("gain_db", [0.0, -36.0])  # at −36 dB, some blocks are close to the gate
def test_mono_equals_the_same_signal_on_two_channels(measure, gain_db):
    x = 10 ** (gain_db / 20) * music_like(8, 16000, channels=1)
    twin = x.repeat(1, 2, 1)
    expected = MEASURES[measure](twin, 16000)
    assert torch.allclose(MEASURES[measure](x, 16000), expected, rtol=0, atol=1e-9)
    meters = [loudness.LoudnessMeter(16000) for _ in range(2)]
    for meter, signal in zip(meters, (x, twin), strict=True):
        for block in signal.split(30_000, -1):
            meter.push(block)
    one, two = ((m.lufs(), m.range_lu(), m.short_term_lufs()) for m in meters)
    for value, other in zip(one, two, strict=True):
        assert torch.allclose(value, other, rtol=0, atol=1e-9)


def test_mono_equals_pyloudnorm_of_two_channels():
    x = music_like(12, 16000, channels=1)
    expected = oracle(x.repeat(1, 2, 1), 16000)
    assert torch.allclose(loudness.loudness_lufs(x, 16000), expected, rtol=0, atol=0.05)
    assert (expected - oracle(x, 16000)).item() == pytest.approx(3.01, abs=0.01)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
def test_mono_equals_ffmpeg_with_dual_mono(tmp_path):
    x = music_like(12, RATE, channels=1)
    soundfile.write(tmp_path / "mono.wav", x[0, 0].numpy(), RATE, subtype="FLOAT")
    meter = ("-af", "ebur128=dualmono=true", "-f", "null", "-")
    command = ["ffmpeg", "-hide_banner", "-i", tmp_path / "mono.wav", *meter]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    reading = float(re.findall(r"I:\s+(\S+) LUFS", log)[-1])
    assert loudness.loudness_lufs(x, RATE).item() == pytest.approx(reading, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 96000, 192000])
def test_loudness_is_independent_of_the_sample_rate(rate):
    for freq_hz in (60.0, 500.0, 2000.0):
        expected = loudness.loudness_lufs(tone(2, -23.0, freq_hz), RATE).item()
        reading = loudness.loudness_lufs(tone(2, -23.0, freq_hz, rate), rate).item()
        assert reading == pytest.approx(expected, abs=0.35 if rate < 16000 else 0.05)


def test_short_term_and_momentary_follow_a_step():
    x = torch.cat([tone(5, -30), tone(5, -20)], -1)
    short = loudness.short_term_lufs(x, RATE)[0]
    momentary = loudness.momentary_lufs(x, RATE)[0]
    assert short.shape == (71,)
    assert momentary.shape == (97,)
    for levels in (short, momentary):
        assert levels[[0, -1]].tolist() == pytest.approx([-30, -20], abs=0.1)


@pytest.mark.parametrize(
    ("rate", "filters"),
    [(16000, "K-weighting"), (44100, "K-weighting"), (48000, "K-weighting"), (48000, "DeMan")],
)
def test_equals_pyloudnorm(rate, filters):
    x = torch.cat([music_like(12, rate, seed) for seed in range(3)])
    expected = oracle(x, rate, filter_class=filters)
    assert torch.allclose(loudness.loudness_lufs(x, rate), expected, rtol=0, atol=0.05)


def test_range_equals_pyloudnorm():
    x = music_like(30, 16000)
    expected = pyloudnorm.Meter(16000).loudness_range(x[0].T.numpy())
    assert loudness.loudness_range_lu(x, 16000).item() == pytest.approx(expected, abs=0.5)


@pytest.mark.music
@pytest.mark.parametrize("rate", [44_100, pytest.param(48_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("filters", ["DeMan", "K-weighting"])
def test_equals_pyloudnorm_on_music(rate, filters):
    """With the filters of the standard and with pyloudnorm's default filters."""
    for file in finished_songs(8):
        audio, own_rate = soundfile.read(file, frames=44100 * 30, dtype="float32", always_2d=True)
        x = resample(torch.from_numpy(audio.T)[None], own_rate, rate)
        expected = oracle(x, rate, filter_class=filters)
        reading = loudness.loudness_lufs(x, rate).double()
        assert torch.allclose(reading, expected, atol=0.05, rtol=0)


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("colour", [0.0, 1.0])
def test_equals_pyloudnorm_on_noise(rate, colour):
    rng = np.random.default_rng(int(colour))
    white = np.fft.rfft(rng.standard_normal((2, 6 * rate)))
    shaped = white / np.maximum(1, np.arange(white.shape[1])) ** (colour / 2)  # 1: pink
    noise = np.fft.irfft(shaped)
    x = torch.from_numpy(0.3 * noise / np.abs(noise).max())[None]
    assert torch.allclose(loudness.loudness_lufs(x, rate), oracle(x, rate), atol=0.05, rtol=0)


@pytest.mark.parametrize("length", [1, 100, 7999, 16000])
def test_short_signals_have_a_loudness(length):
    x = tone(1.0, -20, rate=16000)[..., :length]
    assert loudness.loudness_lufs(x, 16000).isfinite().all()
    if length >= 7999:
        assert loudness.loudness_lufs(x, 16000).item() == pytest.approx(-20, abs=0.3)
    assert loudness.loudness_range_lu(x, 16000).item() == pytest.approx(0.0, abs=0.5)


def test_silence_has_the_lowest_level_and_a_zero_gradient():
    x = torch.zeros(2, 2, 32000, requires_grad=True)
    level = loudness.loudness_lufs(x, 16000)
    assert level.tolist() == [SILENCE_DB] * 2
    (level.sum() + loudness.loudness_range_lu(x, 16000).sum()).backward()
    assert x.grad.abs().max() == 0


def test_a_gain_changes_the_loudness_by_its_decibels_and_not_the_range():
    x = sum(music_like(8, 16000, seed) for seed in (0, 1)) + 1e-3 * torch.randn(1, 2, 128000)
    gain = 10 ** (6 / 20)
    moved = loudness.loudness_lufs(gain * x, 16000) - loudness.loudness_lufs(x, 16000)
    assert moved.item() == pytest.approx(6.0, abs=1e-6)
    ranges = [loudness.loudness_range_lu(g * x, 16000, block_s=0.4).item() for g in (1.0, gain)]
    assert ranges[0] == pytest.approx(ranges[1], abs=1e-6)


def test_batch_item_equals_the_item_alone():
    x = torch.cat([music_like(5, 16000, seed) for seed in range(3)]).float()
    alone = torch.cat([loudness.loudness_lufs(item[None], 16000) for item in x])
    assert torch.allclose(loudness.loudness_lufs(x, 16000), alone, atol=1e-4)


def test_maxima_use_a_fine_hop():
    x = tone(3, -60, rate=16000)
    x[..., 8800:15200] = tone(0.4, -20, rate=16000)  # 0.55 s to 0.95 s, between hops of 0.1 s
    assert loudness.max_momentary_lufs(x, 16000).item() == pytest.approx(-20, abs=0.1)
    assert loudness.momentary_lufs(x, 16000).max().item() < -20.4
    expected = 10 * math.log10(0.4 / 3) - 20
    assert loudness.max_short_term_lufs(x, 16000).item() == pytest.approx(expected, abs=0.1)


def test_gradient_equals_finite_differences():
    x = music_like(1, 8000)[..., :800].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda y: loudness.loudness_lufs(y, 8000), x, fast_mode=True, atol=1e-4
    )


def test_the_gradient_of_a_gain_in_db_is_one():
    gain_db = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    x = music_like(8, 16000)
    loudness.loudness_lufs(x * 10 ** (gain_db / 20), 16000).sum().backward()
    assert gain_db.grad.item() == pytest.approx(1.0, abs=1e-9)
