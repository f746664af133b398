"""PESQ and STOI if the extra `speech` is installed; the error if it is not."""

import importlib.util
import sys

import pytest
import torch

from ai_mixer.metrics.speech import speech_scores

RATE = 44100
INSTALLED = all(importlib.util.find_spec(name) for name in ("pesq", "pystoi"))
needs_extra = pytest.mark.skipif(not INSTALLED, reason="the extra `speech` is not installed")


def voice(seconds=4.0, songs=1):
    """Harmonic tone with four syllables per second: [songs, 2, T]."""
    time = torch.arange(round(seconds * RATE)) / RATE
    pitch = 2 * torch.pi * (120 * time + 3 * torch.sin(2 * torch.pi * 0.7 * time))
    buzz = sum(torch.sin(n * pitch) / n**0.5 for n in range(1, 30))
    syllables = (torch.sin(2 * torch.pi * 4 * time).clamp_min(0) ** 0.5) * (time % 2 < 1.6)
    return (0.05 * buzz * syllables).expand(songs, 2, -1).clone()


def add_noise(x, level):
    return x + level * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def test_missing_extra_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)  # import fails
    with pytest.raises(ValueError, match=r"pesq.*\[speech\]"):
        speech_scores(voice(), voice(), RATE)


@needs_extra
def test_equal_audio_gets_the_highest_scores():
    values = speech_scores(0.5 * voice(), voice(), RATE)
    assert values["speech/pesq"].item() == pytest.approx(4.64, abs=0.01)
    assert values["speech/stoi"].item() == pytest.approx(1.0, abs=1e-3)
    assert values["speech/quality"].item() == pytest.approx((4.64 + 1 + 1) / 3, abs=0.01)


@needs_extra
@pytest.mark.parametrize("name", ["speech/pesq", "speech/stoi", "speech/quality"])
def test_scores_fall_with_noise(name):
    noisy = [add_noise(voice(), level) for level in (0.003, 0.03, 0.3)]
    values = [speech_scores(x, voice(), RATE)[name].item() for x in noisy]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


@needs_extra
def test_scores_equal_pesq_and_pystoi():
    from pesq import pesq
    from pystoi import stoi
    from scipy.signal import resample_poly

    x, y = voice(songs=2), add_noise(voice(songs=2), 0.02)
    values = speech_scores(y, x, RATE)
    finished, mix = (resample_poly(z[1].mean(0).double(), 160, 441) for z in (x, y))
    assert values["speech/pesq"][1].item() == pytest.approx(pesq(16000, finished, mix), abs=0.1)
    assert values["speech/stoi"][1].item() == pytest.approx(stoi(finished, mix, 16000), abs=0.01)


@needs_extra
def test_scores_of_silence_and_short_audio_are_nan():
    x = voice()
    for mix, finished in ((0 * x, x), (x, 0 * x), (x[..., : RATE // 2],) * 2):
        values = speech_scores(mix, finished, RATE)
        assert values["speech/pesq"].isnan().all()
        assert values["speech/stoi"].isnan().all()
