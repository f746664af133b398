"""Reverb and echo of a reference, and of a song that a style gives more."""

import pytest
import soundfile
import torch

from ai_mixer.audio import AudioFile
from ai_mixer.mixing import ambience
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.mix_console import default_console
from ai_mixer.mixing.mix_options import MixOptions
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


class Estimates:
    """In place of the weights: a reverb and no echo, in all songs and references."""

    of_song = of_reference = staticmethod(lambda *_: torch.tensor([[0.6, 0.0]]))


@pytest.mark.music
def test_a_style_adds_what_the_song_lacks(halves, tmp_path):
    mixer, creative = AudioMixer(), MixOptions(style="creative")
    offsets = creative.style_settings.offsets
    for own in ({}, {"delay": 0.25}, {"reverb": 0.5}):
        song = write(tmp_path / "song.wav", wet(halves[0], **own))
        preset = mixer.mix_file(song, mix_options=creative, write_sidecars=False, force=True).preset
        for knob in ("reverb", "delay"):
            assert preset.settings[knob] == (0.0 if knob in own else offsets[knob])
            assert (f"the song has {knob} (" in preset.about) == (knob in own)


@pytest.mark.usefixtures("packaged_models")
def test_a_song_without_a_style_is_not_searched_for_reverb(song, monkeypatch):
    monkeypatch.setattr(ambience, "_model", lambda: pytest.fail("not needed"))
    for style in (None, "warm"):
        AudioMixer().mix_file(
            song, mix_options=MixOptions(style=style), write_sidecars=False, force=True
        )


@pytest.mark.usefixtures("packaged_models")
def test_knobs_that_a_model_sets_are_left_to_it(song, monkeypatch):
    predictor = resolve_model(None)[1]
    file = AudioFile(song)
    monkeypatch.setattr(ambience, "_model", Estimates)
    found = ambience.ambience_of_reference(predictor, file, file)
    assert found == {"reverb": pytest.approx(0.36)}
    monkeypatch.setattr(predictor, "trained_knobs", torch.ones_like(predictor.trained_knobs))
    assert ambience.ambience_of_reference(predictor, file, file) == {}
