"""Amounts and fixed settings of the knobs of tracks."""

import pytest

from ai_mixer.console import load_console
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.track_inputs import track_inputs
from ai_mixer.mixing.track_options import options_by_track, with_options_of_tracks
from ai_mixer.mixing.track_settings import settings_of_tracks
from helpers.tracks import write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("song")
    for number, name in enumerate(("bass", "kick", "vox")):
        write(root / f"{name}.wav", number, seconds=0.3)
    return root


def settings(folder, options, **of_tracks):
    """Settings by track of knobs that a model might have predicted."""
    console, tracks = load_console("studio"), track_inputs([folder], **of_tracks)
    predicted = {"fader_db": 4.0, "pan": 0.5, "peak1_db": -6.0, "peak1_hz": 500.0}
    knobs = console.knobs_from({"tracks": [predicted] * 3})
    own = options_by_track(console, tracks, options)
    knobs = with_options_of_tracks(console, knobs, tracks, own)
    return [
        tuple(round(track[name], 2) for name in predicted)
        for track in settings_of_tracks(console, knobs, tracks)["tracks"]
    ]


WHOLE = (4.0, 0.5, -6.0, 500.0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (MixOptions(), [WHOLE] * 3),
        (MixOptions(amount=0.5), [(2.0, 0.25, -3.0, 500.0)] * 3),
        (MixOptions(0.5, {"vox": 1.0}), [(2.0, 0.25, -3.0, 500.0)] * 2 + [WHOLE]),
        (MixOptions(None, {"eq": 0.0, "vox:eq": 0.5, "vox.wav:fader_db": 0.25}),
         [(4.0, 0.5, 0.0, 400.0)] * 2 + [(1.0, 0.5, -3.0, 500.0)]),
        (MixOptions(only_groups=["pan"]), [(0.0, 0.5, 0.0, 400.0)] * 3),
        (MixOptions(0.0, fixed_settings={"vox:fader_db": -3.0, "pan": 0.1}),
         [(0.0, 0.1, 0.0, 400.0)] * 2 + [(-3.0, 0.1, 0.0, 400.0)]),
    ],
)  # fmt: skip
def test_options_are_for_all_tracks_or_one(folder, options, expected):
    assert settings(folder, options) == expected


def test_a_fixed_setting_counts_more_than_a_lead_and_an_amount_less(folder):
    of_tracks = {"leads": ["kick", "vox"], "pans": {"vox": -1.0}}
    options = MixOptions(0.5, fixed_settings={"vox:fader_db": -3.0})
    assert settings(folder, options, **of_tracks) == [
        (2.0, 0.25, -3.0, 500.0),
        (5.0, 0.25, -3.0, 500.0),
        (-3.0, -1.0, -3.0, 500.0),
    ]
