"""PESQ and STOI, where the extra `speech` is installed; the way out where it is not."""

import importlib.util
import sys

import pytest
import torch

from ai_mixer.metrics.speech import speech_scores

RATE = 44100
INSTALLED = all(importlib.util.find_spec(name) for name in ("pesq", "pystoi"))
needs_extra = pytest.mark.skipif(not INSTALLED, reason="the extra `speech` is not installed")


def voice(seconds=4.0, songs=1):
    """Syllables: a buzz through moving formants, four a second. [songs, 2, T]"""
    time = torch.arange(round(seconds * RATE)) / RATE
    pitch = 2 * torch.pi * (120 * time + 3 * torch.sin(2 * torch.pi * 0.7 * time))
    buzz = sum(torch.sin(n * pitch) / n**0.5 for n in range(1, 30))
    syllables = (torch.sin(2 * torch.pi * 4 * time).clamp_min(0) ** 0.5) * (time % 2 < 1.6)
    return (0.05 * buzz * syllables).expand(songs, 2, -1).clone()


def hiss(x, level):
    return x + level * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def test_without_the_extra_one_line_says_how(monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)  # as if it were not there
    with pytest.raises(ValueError, match=r"speech metrics need the package pesq: .*\[speech\]"):
        speech_scores(voice(), voice(), RATE)


@needs_extra
def test_the_same_sound_gets_the_highest_marks():
    found = speech_scores(0.5 * voice(), voice(), RATE)
    assert found["speech/pesq"].item() == pytest.approx(4.64, abs=0.01)
    assert found["speech/stoi"].item() == pytest.approx(1.0, abs=1e-3)
    assert found["speech/quality"].item() == pytest.approx((4.64 + 1 + 1) / 3, abs=0.01)


@needs_extra
@pytest.mark.parametrize("name", ["speech/pesq", "speech/stoi", "speech/quality"])
def test_the_noisier_the_lower(name):
    got = [speech_scores(hiss(voice(), a), voice(), RATE)[name].item() for a in (0.003, 0.03, 0.3)]
    assert got == sorted(got, reverse=True)
    assert got[0] > got[-1]


@needs_extra
def test_equals_the_packages_themselves():
    from pesq import pesq
    from pystoi import stoi
    from scipy.signal import resample_poly

    x, y = voice(songs=2), hiss(voice(songs=2), 0.02)
    found = speech_scores(y, x, RATE)
    finished, heard = (resample_poly(z[1].mean(0).double(), 160, 441) for z in (x, y))
    assert found["speech/pesq"][1].item() == pytest.approx(pesq(16000, finished, heard), abs=0.1)
    assert found["speech/stoi"][1].item() == pytest.approx(stoi(finished, heard, 16000), abs=0.01)


@needs_extra
def test_silence_and_scraps_have_no_marks():
    x = voice()
    for heard, finished in ((0 * x, x), (x, 0 * x), (x[..., : RATE // 2],) * 2):
        found = speech_scores(heard, finished, RATE)
        assert found["speech/pesq"].isnan().all()
        assert found["speech/stoi"].isnan().all()
