"""Tests of the helpers for tests."""

import math

import numpy as np
import pytest
import soundfile
import torch

from helpers.measures import residual_db, to_db
from helpers.music import finished_songs
from helpers.signals import noise, sine


def test_residual_is_the_ratio_of_energies_in_db():
    want = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert residual_db(1.1 * want, want) == pytest.approx(-20, abs=1e-4)
    assert residual_db(want.numpy(), np.zeros((2, 2)) + 2 * want.numpy()) == pytest.approx(-6.0206)
    assert residual_db(-want, want) == pytest.approx(6.0206, abs=1e-4)


def test_residual_of_equal_signals_and_of_silence():
    sound, silence = torch.ones(2, 5), torch.zeros(2, 5)
    assert residual_db(sound, sound) == -math.inf
    assert residual_db(silence, silence) == -math.inf
    assert residual_db(sound, silence) == math.inf
    assert residual_db(silence, sound) == 0


def test_residual_of_nan_is_nan():
    """So that a comparison with a limit fails."""
    assert math.isnan(residual_db(torch.full((3,), torch.nan), torch.ones(3)))


def test_residual_does_not_broadcast():
    with pytest.raises(ValueError, match=r"\(1, 5\) .*\(2, 5\)"):
        residual_db(torch.ones(1, 5), torch.ones(2, 5))


def test_finished_songs_are_those_of_the_manifest(tmp_path, monkeypatch):
    for name in ("finished/a", "finished/b", "finished/c", "finished/d", "tracks/a/drums"):
        file = tmp_path / f"{name}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, 0.1 * np.ones((44_100, 2)), 44_100)
    lines = [f"finished/{name}.wav,{name}" for name in "abc"]
    (tmp_path / "manifest.csv").write_text("\n".join(["file,group", *lines]) + "\n")
    monkeypatch.setenv("AI_MIXER_MUSIC", str(tmp_path))
    assert [path.stem for path in finished_songs(9)] == ["a", "b", "c"]
    assert len(finished_songs(2)) == 2
    monkeypatch.delenv("AI_MIXER_MUSIC")
    with pytest.raises(pytest.skip.Exception):
        finished_songs(1)


def test_noise_has_its_level_and_is_deterministic():
    audio = noise(2, seconds=1, rate=48_000, seed=3)
    assert audio.shape == (2, 48_000)
    assert float(audio.square().mean().sqrt()) == pytest.approx(0.1, rel=0.01)
    assert audio.equal(noise(2, 48_000, seed=3))
    assert not audio.equal(noise(2, 48_000, seed=4))
    assert noise(1, 5, dtype=torch.float64).dtype == torch.float64


def test_sine_has_its_frequency_level_and_phase():
    tone = sine(100, seconds=0.5, rate=8_000, level=0.5, phase=math.pi / 2)
    assert tone.shape == (4_000,)
    assert float(tone[0]) == 0.5
    assert float(tone[40]) == pytest.approx(-0.5)  # half a period later


def test_to_db():
    assert to_db(torch.tensor(10.0)) == pytest.approx(20)
    assert to_db(0.0) == -math.inf
    with pytest.raises(ValueError, match=r"math domain error|positive"):
        to_db(-1.0)
