"""Settings of a console for several tracks: JSON that a person reads and edits."""

import json

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.core.track import ROLES
from helpers.graphs import random_knobs, random_tracks, small_graph
from helpers.parameters import first_fast

GRAPH = small_graph()


def test_settings_survive_a_file():
    knobs = random_knobs(GRAPH, 2, 3)
    roles = torch.tensor([[0, 2, -1], [1, 1, 1]])
    names = [["kick", "voice", ""], ["a", "b", "c"]]
    songs = json.loads(json.dumps(GRAPH.settings(knobs, names=names, roles=roles)))
    loaded = GRAPH.load_settings(songs)
    for got, want in zip(loaded.knobs, knobs, strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=0)
    assert torch.equal(loaded.roles, roles)
    assert loaded.names == names
    assert loaded.mask.all()


def test_settings_are_values_in_units_by_track_bus_and_master():
    knobs = GRAPH.knobs_from(
        {
            "tracks": [{"name": "kick", "role": "drums", "gain": 0.5}, {"echo_send": 0.25}],
            "buses": {"echo": {"wet": 0.1}},
            "master": {"gain": 2.0},
        }
    )
    (song,) = GRAPH.settings(knobs, names=[["kick", ""]], roles=torch.tensor([[0, -1]]))
    assert (song["version"], song["console"]) == (1, "small")
    kick, other = song["tracks"]
    assert (kick["name"], kick["role"]) == ("kick", "drums")
    assert "name" not in other
    assert kick["gain"] == pytest.approx(0.5)
    assert other["gain"] == pytest.approx(1.0)  # neutral
    assert other["echo_send"] == pytest.approx(0.25)
    assert song["buses"]["echo"]["wet"] == pytest.approx(0.1)
    assert song["buses"]["kit"]["ratio"] == pytest.approx(1.0)
    assert song["master"]["gain"] == pytest.approx(2.0)


def test_songs_of_different_track_counts_have_a_mask():
    loaded = GRAPH.load_settings([{"tracks": [{}]}, {"tracks": [{}, {"gain": 2.0}]}])
    assert loaded.mask.tolist() == [[True, False], [True, True]]
    songs = GRAPH.settings(loaded.knobs, loaded.mask)
    assert [len(song["tracks"]) for song in songs] == [1, 2]
    mix = GRAPH(random_tracks(2, 2), 8000, loaded.knobs, loaded.mask, loaded.roles)
    assert mix.isfinite().all()


def test_settings_of_studio_name_every_knob():
    graph = load_console("studio")
    (song,) = graph.settings(graph.neutral(1))
    names = graph.layout.names(1)
    assert {f"strip.{knob}[0]" for knob in song["tracks"][0]} <= set(names)
    assert {f"master.{knob}" for knob in song["master"]} <= set(names)
    assert len(names) == len(song["tracks"][0]) + len(song["master"]) + sum(
        map(len, song["buses"].values())
    )


@pytest.mark.parametrize("ranges", first_fast(["wide", "musical", "gentle"]))
def test_ranges_of_studio_contain_neutral_and_each_other(ranges):
    chains = [load_console("studio", name).chains() for name in (ranges, "wide")]
    sends = [load_console("studio", name).sends.values() for name in (ranges, "wide")]
    inner, outer = ([k for chain in part.values() for k in chain.knobs] for part in chains)
    for narrow, wide in zip([*inner, *sends[0]], [*outer, *sends[1]], strict=True):
        assert wide.low <= narrow.low <= narrow.neutral <= narrow.high <= wide.high, narrow


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tracks": [{}, {"gian": 1.0}]}, r"tracks\[1\]: no knob named 'gian': there is gain, hz"),
        ({"tracks": [{"gain": 9.0}]}, r"tracks\[0\]: gain is 9 ratio: it goes from 0.25 to 4"),
        ({"tracks": [{"gain": float("nan")}]}, r"tracks\[0\]: gain is nan"),
        ({"tracks": [{"gain": "loud"}]}, r"tracks\[0\]: gain must be a number, got 'loud'"),
        ({"tracks": [{"gain": None}]}, r"tracks\[0\]: gain must be a number, got None"),
        ({"tracks": ["kick"]}, r"tracks\[0\] must be a mapping of knobs, got 'kick'"),
        ({"tracks": [{"role": "drumms"}]}, r"tracks\[0\]: no role named 'drumms': .*drums"),
        ({"tracks": [{}], "buses": {"hall": {}}}, "no bus named 'hall': there is echo, kit"),
        ({"tracks": [{}], "buses": {"echo": {"wet": 2}}}, "buses.echo: wet is 2 wet"),
        ({"tracks": [{}], "buses": []}, r"buses must be a mapping, got \[\]"),
        ({"tracks": [{}], "master": {"x": 1}}, "master: no knob named 'x': there is gain"),
        ({"tracks": [{}], "master": 3}, "master must be a mapping of knobs, got 3"),
        ({"tracks": []}, "tracks: needs 1–64 tracks, got 0"),
        ({"tracks": [{}] * 65}, "tracks: needs 1–64 tracks, got 65"),
        ({"tracks": "kick"}, "tracks must be a list, got 'kick'"),
        ({}, "tracks must be a list, got None"),
        ({"tracks": [{}], "trakcs": []}, "no section 'trakcs' in settings: there is version"),
        ({"tracks": [{}], "version": 2}, "settings of version 2: this version reads 1"),
        ({"tracks": [{}], "console": "classic"}, "settings of console 'classic': this is 'small'"),
        ([], "settings of no song"),
        (["x"], "settings must be a mapping, got str"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_line(settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        GRAPH.load_settings(settings)
    assert "\n" not in str(caught.value)


def test_all_roles_are_read():
    loaded = GRAPH.load_settings({"tracks": [{"role": role} for role in ROLES]})
    assert loaded.roles.tolist() == [list(range(len(ROLES)))]


def test_positions_outside_0_to_1_have_no_settings():
    knobs = GRAPH.neutral(2)
    knobs.strips[0, 1, 0] = torch.nan
    with pytest.raises(ValueError, match=r"strip.gain\[1\] is nan"):
        GRAPH.settings(knobs)
