"""Roles from names and General MIDI programs."""

import pytest

from ai_mixer.core.roles import role_from_name, role_from_program
from ai_mixer.core.track import ROLES
from helpers.music import tracks_manifest

NAMES = {
    "Kick In": "drums", "01_BassDrum": "drums", "OH L": "drums", "hihat2": "drums",
    "SN top": "drums",
    "synth bass": "bass", "Sub 808": "bass", "DI Bass": "bass", "bassoon": "lead",
    "LeadVox_03": "vocals", "BV 1": "vocals", "Backing Vocals": "vocals", "VOX LEAD": "vocals",
    "Gtr2": "chords", "ElecGuitar L": "chords", "Piano": "chords", "keys": "chords",
    "harp": "chords",
    "Lead Guitar": "lead", "Solo": "lead", "trumpet": "lead", "strings": "pad", "WarmPad": "pad",
    "riser fx": "effects", "other": "other", "drums": "drums",
    "instrument 12": None, "audio 7": None, "": None,
}  # fmt: skip


@pytest.mark.parametrize(("name", "role"), NAMES.items())
def test_names_of_tracks(name, role):
    assert role_from_name(name) == role


def test_most_names_of_real_tracks_are_understood():
    """The roles that the manifest took from names, by people; no role is guessed from a number."""
    rows = [row for row in tracks_manifest() if row["role_from"] in ("name", "stem file name")]
    named = [(role_from_name(row["track"]), row["role"].replace("fx", "effects")) for row in rows]
    known = [(guess, role) for guess, role in named if guess]
    assert len(known) > 0.75 * len(rows)
    assert sum(guess == role for guess, role in known) > 0.9 * len(known)


def test_every_general_midi_program_has_a_role():
    roles = [role_from_program(program) for program in range(128)]
    assert set(roles) <= set(ROLES)
    assert len(set(roles)) >= 7
    assert roles[33] == "bass"
    assert roles[0] == "chords"
    assert roles[48] == "pad"
    assert roles[53] == "vocals"
    assert roles[80] == "lead"
    assert roles[118] == "drums"
    with pytest.raises(ValueError, match="0–127, got 128"):
        role_from_program(128)
