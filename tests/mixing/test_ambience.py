"""Reverb and echo of a reference, for the knobs that a model does not set."""

import pytest
import soundfile
import torch

from ai_mixer.audio import AudioFile
from ai_mixer.mixing import ambience
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.mix_console import default_console
from ai_mixer.mixing.model_lookup import resolve_model
from helpers.music import finished_songs

RATE = 44_100


@pytest.fixture
def halves():
    """Two parts of a finished song, [2, T] each."""
    audio = torch.cat(list(AudioFile(finished_songs(8)[7]).blocks()), -1).expand(2, -1).float()
    return audio.split(audio.shape[1] // 2, 1)[:2]


def write(path, audio):
    soundfile.write(path, audio.T.numpy(), RATE, subtype="FLOAT")
    return path


def wet(audio, **settings):
    console = default_console().console
    return console(audio[None], RATE, console.knobs_from(settings), limit=False)[0]


@pytest.mark.music
def test_a_mix_gets_the_echo_and_the_room_of_its_reference(halves, tmp_path):
    song = write(tmp_path / "song.wav", halves[0])
    for settings in ({}, {"delay": 0.25}, {"reverb": 0.5}):
        reference = write(tmp_path / "reference.wav", wet(halves[1], **settings))
        predictor = resolve_model(None)[1]
        found = ambience.ambience_of_reference(predictor, AudioFile(song), AudioFile(reference))
        assert found.keys() == settings.keys()
        assert all(abs(found[name] - settings[name]) < 0.2 for name in settings)
    mixed = AudioMixer().mix_file(song, reference=reference, write_sidecars=False)
    assert mixed.preset.settings["reverb"] == pytest.approx(found["reverb"], abs=1e-3)


@pytest.mark.usefixtures("packaged_models")
def test_knobs_that_a_model_sets_are_left_to_it(song, monkeypatch):
    predictor = resolve_model(None)[1]
    file = AudioFile(song)
    monkeypatch.setattr(ambience, "_model", lambda: lambda *_: torch.tensor([[0.6, 0.0]]))
    found = ambience.ambience_of_reference(predictor, file, file)
    assert found == {"reverb": pytest.approx(0.36)}
    monkeypatch.setattr(predictor, "trained_knobs", torch.ones_like(predictor.trained_knobs))
    assert ambience.ambience_of_reference(predictor, file, file) == {}
