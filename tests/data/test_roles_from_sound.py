"""Roles from the sound: what the player's instruments get, silence, unlikely roles, the cache."""

import json
from importlib.resources import files

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.core.track import ROLES
from ai_mixer.data import role_classifier, track_roles
from ai_mixer.data.band.score import Note, Part
from ai_mixer.data.band.synth import synthesise_parts
from ai_mixer.data.role_classifier import load_role_classifier, role_from_sound
from ai_mixer.data.role_features import N_FEATURES, RATE, role_features
from ai_mixer.data.tracks import Tracks
from ai_mixer.mixing.track_inputs import measured, track_inputs
from ai_mixer.mixing.track_roles import role_notes, with_role
from helpers.tracks import write

KICKS = Part("kick", "drums", 0, [Note(0.5 * n, 0.2, 36, 100) for n in range(8)], drums=True)
BASS = Part("bass", "bass", 33, [Note(0.5 * n, 0.45, 33 + n % 3, 100) for n in range(8)])


@pytest.fixture(scope="module")
def played():
    parts = {"drums": KICKS, "bass": BASS}
    audio = {role: synthesise_parts([part], 4 * RATE, RATE) for role, part in parts.items()}
    return {role: torch.from_numpy(samples) for role, samples in audio.items()}


def test_kick_and_bass_are_recognised_at_any_level_and_polarity(played):
    for role, audio in played.items():
        assert role_from_sound(audio) == role
        assert role_from_sound(-0.03 * audio) == role
        assert role_from_sound(audio * torch.tensor([[1.0], [-1.0]])) == role


def test_silence_and_sounds_of_no_likely_role_have_none(played, monkeypatch):
    assert role_from_sound(torch.zeros(2, RATE)) is None
    assert role_from_sound(torch.ones(2, 100)) is None
    monkeypatch.setattr(role_classifier, "MIN_PROBABILITY", 1.01)
    assert role_from_sound(played["bass"]) is None


def test_the_packaged_classifier_has_the_features_and_roles_of_the_project(played):
    classifier = load_role_classifier()
    assert set(classifier.roles) <= set(ROLES)
    assert classifier.weights.shape == (len(classifier.roles), N_FEATURES)
    assert classifier.probabilities(role_features(played["bass"]).numpy()).sum() == pytest.approx(1)


def test_the_packaged_classifier_names_its_songs_and_a_licence_that_they_allow():
    content = json.loads((files("ai_mixer.data") / role_classifier.FILE).read_text("utf-8"))
    assert content["licence"] == "GPL-3.0-only"
    assert content["trained_on"][0] == "embedded band"
    assert len(content["trained_on"]) > 20
    assert not [song for song in content["trained_on"] if song.endswith(("(GPL-2)", "(Zlib)"))]


def test_tracks_whose_names_say_nothing_get_roles_once(played, tmp_path, monkeypatch):
    song = write(tmp_path / "song" / "vox.wav").parent
    for number, audio in enumerate(played.values()):
        soundfile.write(song / f"audio {number}.wav", audio.T.numpy(), RATE)
    soundfile.write(song / "audio 9.wav", np.zeros((RATE, 2)), RATE)

    def roles(**options):
        (found,) = Tracks(tmp_path, index=tmp_path / "index", **options).track_songs()
        return [track.role for track in found.tracks]

    assert roles(roles_from_sound=False) == [None, None, None, "vocals"]
    assert roles() == ["drums", "bass", None, "vocals"]
    monkeypatch.setattr(track_roles, "role_of_file", None)  # would raise
    assert roles() == ["drums", "bass", None, "vocals"]


def test_a_mix_names_the_roles_that_come_from_the_sound(played, tmp_path):
    for name, role in (("audio 1", "drums"), ("kick", "bass"), ("audio 2", "drums")):
        soundfile.write(tmp_path / f"{name}.wav", played[role].T.numpy(), RATE)
    given = track_inputs([tmp_path], muted=["audio 2"])
    found = [with_role(track if track.muted else measured(track)) for track in given]
    assert [track.role for track in found] == ["drums", None, "drums"]  # a name decides
    (note,) = role_notes(given, found)
    assert note.startswith("audio 1.wav is drums by its sound: --role audio 1.wav=")
