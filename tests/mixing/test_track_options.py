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


def mixed(folder, options, **predicted):
    """Settings of buses and master that a model might have predicted, with options."""
    console, tracks = load_console("studio"), track_inputs([folder])
    knobs = console.knobs_from({"tracks": [{"reverb_send": 0.4}] * 3, **predicted})
    own = options_by_track(console, tracks, options)
    return settings_of_tracks(console, with_options_of_tracks(console, knobs, tracks, own), tracks)


def test_buses_and_master_have_options_as_tracks_have(folder):
    fixed = {"reverb:decay_s": 2.1, "master:level": -1.0, "vox:reverb_send": 0.1}
    units = {"master:level": "dB"}
    found = mixed(folder, MixOptions(fixed_settings=fixed, units=units))
    assert found["buses"]["reverb"]["decay_s"] == pytest.approx(2.1, abs=1e-3)
    assert found["buses"]["delay"]["time_ms"] == pytest.approx(350, rel=1e-3)
    assert found["master"]["level"] == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    sends = [track["reverb_send"] for track in found["tracks"]]
    assert sends == pytest.approx([0.4, 0.4, 0.1], abs=1e-3)
    again = load_console("studio").load_settings(found).knobs
    assert load_console("studio").settings(again)[0]["buses"] == found["buses"]


@pytest.mark.parametrize(
    ("options", "gain_db", "send"),
    [
        (MixOptions(0.5), 3.0, 0.2),
        (MixOptions(None, {"master": 0.5}), 3.0, 0.4),
        (MixOptions(None, {"master:eq": 0.0}), 0.0, 0.4),
        (MixOptions(only_groups=["pan"]), 0.0, 0.0),
        (MixOptions(only_groups=["master"]), 6.0, 0.0),
        (MixOptions(only_groups=["reverb"]), 0.0, 0.4),
    ],
)
def test_amounts_and_only_of_the_master(folder, options, gain_db, send):
    predicted = {"buses": {"reverb": {"decay_s": 3.0}}, "master": {"low_shelf_gain": 6.0}}
    found = mixed(folder, options, **predicted)
    assert found["master"]["low_shelf_gain"] == pytest.approx(gain_db, abs=1e-3)
    assert found["tracks"][0]["reverb_send"] == pytest.approx(send, abs=1e-3)
    assert found["buses"]["reverb"]["decay_s"] == pytest.approx(3.0, abs=1e-2)


def test_a_track_named_like_a_bus_keeps_its_name(tmp_path):
    root = tmp_path / "song"
    for number, name in enumerate(("reverb", "vox")):
        write(root / f"{name}.wav", number, seconds=0.3)
    console, tracks = load_console("studio"), track_inputs([root])
    fixed = {"reverb:fader_db": -3.0, "reverb:decay_s": 2.0}
    own = options_by_track(console, tracks, MixOptions(fixed_settings=fixed))
    assert own.tracks[0].fixed_settings == {"fader_db": -3.0}
    assert own.buses["reverb"].fixed_settings == {"decay_s": 2.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fixed_settings": {"reverb:tuba": 1.0}},
         "reverb: no knob named 'tuba': the knobs are decay_s, predelay_ms, damping_hz$"),
        ({"fixed_settings": {"master:tuba": 1.0}},
         "master: no knob named 'tuba': the knobs are low_cut, "),
        ({"fixed_settings": {"delay:feedback": 2.0}},
         "delay: feedback is 2 ratio: it goes from 0 to 0.8"),
        ({"fixed_settings": {"echo:feedback": 0.2}},
         "--set echo: no track of this name: .*; there are also reverb, delay, master$"),
        ({"group_amounts": {"master:tuba": 1.0}}, "master: no group or knob 'tuba': there are ga"),
        ({"only_groups": ["reverb:eq"]}, "reverb: no group or knob 'eq': there are decay_s, "),
    ],
)  # fmt: skip
def test_unknown_names_are_answered_with_those_that_there_are(folder, options, message):
    with pytest.raises(ValueError, match=message):
        mixed(folder, MixOptions(**options))


def test_a_fixed_setting_counts_more_than_a_lead_and_an_amount_less(folder):
    of_tracks = {"leads": ["kick", "vox"], "pans": {"vox": -1.0}}
    options = MixOptions(0.5, fixed_settings={"vox:fader_db": -3.0})
    assert settings(folder, options, **of_tracks) == [
        (2.0, 0.25, -3.0, 500.0),
        (5.0, 0.25, -3.0, 500.0),
        (-3.0, -1.0, -3.0, 500.0),
    ]
