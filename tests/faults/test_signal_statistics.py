"""Faults of a channel, of the two together, and of the signal: each is named with a figure."""

import re

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.faults.signal_statistics import SignalFaultMeter, describe_faults
from helpers.datasets import small_song
from helpers.music import finished_songs

RATE = 44_100


@pytest.fixture(scope="module")
def song():
    """[2, T] float32, 12 s, peak 0.7."""
    parts = [small_song(number) for number in range(4)]
    return torch.from_numpy(np.concatenate(parts).T).float()


def faults(audio, rate=RATE, block=65_536):
    meter = SignalFaultMeter(rate)
    for part in audio.float().split(block, -1):
        meter.push(part)
    return describe_faults(meter.read())


def per_channel(audio, function, channel=0):
    changed = audio.clone()
    changed[channel] = function(changed[channel])
    return changed


def hum(audio, mains_hz, level_db, partials=((1, 1.0), (2, 0.5), (3, 0.7))):
    time_s = torch.arange(audio.shape[-1]) / RATE
    lines = sum(g * torch.sin(2 * torch.pi * n * mains_hz * time_s) for n, g in partials)
    return audio + 10 ** (level_db / 20) * lines / lines.square().mean().sqrt()


def in_16_bits(audio):
    return (audio * 32768).round() / 32768


FAULTS = {
    "dead": (lambda x: per_channel(x, torch.zeros_like, 1), r"right channel is dead: -120\.0 dB"),
    "nearly dead": (lambda x: per_channel(x, lambda y: 1e-3 * y), r"left channel is dead: -\d\d"),
    "imbalance": (
        lambda x: per_channel(x, lambda y: 0.4 * y),
        r"left channel is \d\.\d dB quieter",
    ),
    "polarity": (
        lambda x: torch.stack([x[0], -0.9 * x[0]]),
        r"opposite polarity \(correlation -1\.00\)",
    ),
    "polarity of stereo": (lambda x: per_channel(x, torch.neg, 1), r"correlation -0\.\d\d"),
    "delay of mono": (lambda x: torch.stack([x[0], x[0].roll(529)]), r"right .* 12\.00 ms late"),
    "delay of stereo": (lambda x: per_channel(x, lambda y: y.roll(88)), r"left .* \(88 samples\)"),
    "offset": (lambda x: per_channel(x, lambda y: y + 0.0123), r"left .* DC offset of \+0\.012"),
    "offset of both": (lambda x: x - 0.05, r"right .* DC offset of -0\.050"),
    "clipped": (lambda x: per_channel(x, lambda y: (3 * y).clamp(-1, 1)), r"left .* is clipped in"),
    "clipped and turned down": (lambda x: 0.2 * (4 * x).clamp(-0.9, 0.9), r"right .* is clipped"),
    "clipped in 16 bits": (lambda x: in_16_bits((3 * x).clamp(-1, 0.99997)), r"left .* is clipped"),
    "hum": (lambda x: hum(x, 50, -40), r"hum at 50 Hz .*: -4\d\.\d dB"),
    "hum in America": (lambda x: hum(x, 60.03, -40), r"hum at 60 Hz .*: -4\d\.\d dB"),
    "hum in one channel": (
        lambda x: per_channel(x, lambda y: hum(y[None], 50, -35)[0]),
        "hum at 50",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_a_figure(song, name):
    change, pattern = FAULTS[name]
    texts = faults(change(song))
    assert any(re.search(pattern, text) for text in texts), texts
    assert all(re.search(r"\d", text) for text in texts)
    assert len(texts) <= 2


@pytest.mark.parametrize("seconds", [0.2, 3, 12])
def test_a_song_without_faults_has_none(song, seconds):
    part = song[:, : round(seconds * RATE)]
    assert faults(part) == []
    assert faults(in_16_bits(part)) == []
    assert faults(part[:1]) == []
    assert faults(0 * part) == []


def test_faults_of_mono_name_the_song(song):
    assert "the song is clipped" in faults((3 * song[:1]).clamp(-1, 1))[0]
    assert "the song has a DC offset" in faults(song[:1] + 0.01)[0]


def test_only_the_clipped_channel_is_named(song):
    texts = faults(per_channel(song, lambda y: y.clamp(-0.5 * y.max(), 0.5 * y.max()), 1))
    assert [text[:28] for text in texts if "clipped" in text] == ["the right channel is clipped"]


def test_low_and_steady_notes_are_neither_clipping_nor_hum():
    time_s = torch.arange(8 * RATE) / RATE
    for frequency_hz in (30.0, 49.0, 51.91, 58.27, 61.74, 98.0):
        tone = sum(torch.sin(2 * torch.pi * n * frequency_hz * time_s) / n for n in (1, 2, 3))
        assert faults(in_16_bits(0.4 * tone.repeat(2, 1))) == []


def test_noise_is_no_hum():
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        assert faults(0.1 * torch.randn(2, 5 * RATE, generator=generator)) == []


def test_figures_are_those_of_the_fault(song):
    meter = SignalFaultMeter(RATE)
    meter.push(torch.stack([song[0], 0.25 * song[0].roll(-40)]))
    statistics = meter.read()
    assert statistics.balance_db == pytest.approx(12.04, abs=0.01)
    assert statistics.delay_samples == -40
    values = statistics.to_dict()
    assert values["right_delay_ms"] == pytest.approx(-0.907, abs=1e-3)


@pytest.mark.music
@pytest.mark.slow
def test_few_real_songs_have_faults(capsys):
    """Some are clipped or have an offset (of up to 0.41 in this collection)."""
    named = []
    for file in finished_songs(40):
        audio, rate = soundfile.read(file, dtype="float32", always_2d=True)
        named += faults(torch.from_numpy(audio.T.copy()), rate)
    for word in ("hum", "late", "dead", "opposite"):
        assert sum(word in text for text in named) <= 1
