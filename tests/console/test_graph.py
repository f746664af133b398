"""Laws of a console for several tracks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_mixer.console import ConsoleGraph, GraphKnobs, load_console
from ai_mixer.console.graph import STRIP_SAMPLES_AT_ONCE
from ai_mixer.core.track import ROLES
from helpers.graphs import (
    chain,
    gain,
    knob,
    random_knobs,
    random_roles,
    random_tracks,
    small_graph,
)
from helpers.measures import residual_db
from helpers.signals import noise

RATE = 8000
SMALL, STUDIO = small_graph(), load_console("studio")
SEND = knob("echo_send", "ratio", "linear", 0)
each_graph = pytest.mark.parametrize("graph", [SMALL, STUDIO], ids=["small", "studio"])


@pytest.mark.parametrize("name", ["classic", "mastering"])
@pytest.mark.parametrize("rate", [8000, 48_000])
def test_a_graph_of_one_strip_is_the_console(name, rate):
    console = load_console(name)
    graph = ConsoleGraph.from_console(console)
    audio, positions = noise(2, 2, 4000, level=0.4), torch.rand(2, len(console.knobs))
    knobs = GraphKnobs(positions[:, None], torch.empty(2, 0), torch.empty(2, 0))
    assert torch.equal(graph(audio[:, None], rate, knobs), console(audio, rate, positions))
    without = graph(audio[:, None], rate, knobs, limit=False)
    assert torch.equal(without, console(audio, rate, positions, limit=False))


@each_graph
@given(seed=st.integers(0, 99), tracks=st.integers(1, 5))
@settings(max_examples=5, deadline=None)
def test_the_order_of_tracks_changes_only_that_of_the_knobs(graph, seed, tracks):
    order = torch.randperm(tracks, generator=torch.Generator().manual_seed(seed))
    audio, knobs = random_tracks(2, tracks, seed=seed), random_knobs(graph, 2, tracks, seed)
    roles = random_roles(2, tracks)
    moved = knobs._replace(strips=knobs.strips[:, order])
    mix = graph(audio, RATE, knobs, roles=roles)
    assert residual_db(graph(audio[:, order], RATE, moved, roles=roles[:, order]), mix) <= -120


@each_graph
@given(seed=st.integers(0, 99), present=st.lists(st.booleans(), min_size=2, max_size=6))
@settings(max_examples=5, deadline=None)
def test_an_absent_track_equals_no_track(graph, seed, present):
    mask = torch.tensor([present])
    mask[0, -1] = True
    audio, knobs = random_tracks(1, len(present), seed=seed), random_knobs(graph, 1, len(present))
    roles = random_roles(1, len(present))
    strips = knobs.strips[mask][None]
    expected = graph(
        audio[mask][None], RATE, knobs._replace(strips=strips), roles=roles[mask][None]
    )
    audio[~mask], knobs.strips[~mask] = torch.nan, torch.nan  # neither is read
    assert torch.equal(graph(audio, RATE, knobs, mask, roles), expected)
    stems = graph.stems(audio, RATE, knobs, mask, roles)
    assert not stems.tracks[~mask].any()


def test_songs_of_different_track_counts_are_rendered_as_alone():
    mask = torch.tensor([[True, False, True], [True, True, True], [False, True, False]])
    audio, knobs, roles = random_tracks(3), random_knobs(SMALL, 3), random_roles(3)
    mixes = SMALL(audio, RATE, knobs, mask, roles)
    for song, own in enumerate(mask):
        alone = GraphKnobs(*(part[song : song + 1] for part in knobs))
        mix = SMALL(audio[song, None], RATE, alone, own[None], roles[song, None])
        assert residual_db(mixes[song, None], mix) <= -120


@each_graph
def test_a_silent_track_adds_nothing(graph):
    audio, knobs = random_tracks(1, 4), random_knobs(graph, 1, 4)
    audio[:, 2] = 0.0
    mask = torch.tensor([[True, True, False, True]])
    mix = graph(audio, RATE, knobs)
    assert residual_db(mix, graph(audio, RATE, knobs, mask)) <= -120
    assert not graph(torch.zeros_like(audio), RATE, knobs).any()


@each_graph
@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_at_neutral_the_mix_is_the_sum_of_the_tracks(graph, rate, channels):
    audio = random_tracks(2, 5, channels)
    mix = graph(audio, rate, graph.neutral(5, 2), limit=False)
    assert mix.shape == (2, 2, 2000)
    assert residual_db(mix, audio.sum(1).expand(-1, 2, -1)) <= -100


@each_graph
def test_stems_sum_to_the_mix_before_the_master(graph):
    audio, knobs, roles = random_tracks(2, 4), random_knobs(graph, 2, 4), random_roles(2, 4)
    stems = graph.stems(audio, RATE, knobs, roles=roles)
    assert stems.tracks.shape == (2, 4, 2, 2000)
    assert set(stems.buses) == set(graph.buses)
    mix = graph.master(stems.sum(), RATE, knobs.master)
    assert residual_db(mix, graph(audio, RATE, knobs, roles=roles)) <= -120


@each_graph
def test_tracks_are_superposed_up_to_the_master(graph):
    """Without a group, whose chain need not be linear."""
    audio, knobs = random_tracks(1, 3), random_knobs(graph, 1, 3)
    both = graph.stems(audio, RATE, knobs).sum()
    parts = [
        graph.stems(audio, RATE, knobs, torch.tensor([own])).sum()
        for own in ([True, False, True], [False, True, False])
    ]
    assert residual_db(parts[0] + parts[1], both) <= -100


def test_a_role_routes_a_track_to_the_bus_of_its_group():
    knobs, audio = SMALL.neutral(2), random_tracks(1, 2)
    roles = torch.tensor([[ROLES.index("drums"), -1]])
    stems = SMALL.stems(audio, RATE, knobs, roles=roles)
    assert not stems.tracks[:, 0].any()
    assert residual_db(stems.tracks[:, 1], audio[:, 1]) <= -100
    assert residual_db(stems.buses["kit"], audio[:, 0]) <= -100
    assert not stems.buses["echo"].any()


def test_a_send_feeds_its_bus_and_leaves_the_track():
    audio = random_tracks(1, 2)
    knobs = SMALL.knobs_from({"tracks": [{"echo_send": 0.5}, {}], "buses": {"echo": {"wet": 0.4}}})
    stems = SMALL.stems(audio, RATE, knobs)
    alone = SMALL.buses["echo"](0.5 * audio[:, 0], RATE, knobs.buses[:, :4], limit=False)
    assert residual_db(stems.buses["echo"], alone) <= -100
    assert residual_db(stems.tracks, audio) <= -100


def test_mono_tracks_are_tracks_of_two_equal_channels():
    audio, knobs = random_tracks(1, 3, channels=1), random_knobs(STUDIO)
    mix = STUDIO(audio, RATE, knobs)
    assert mix.shape == (1, 2, 2000)
    assert residual_db(mix, STUDIO(audio.expand(-1, -1, 2, -1), RATE, knobs)) <= -120


def test_gradients_are_exact():
    graph = small_graph(groups={"drums": "kit"})
    knobs = random_knobs(graph, 2, 2, dtype=torch.float64)
    audio = random_tracks(2, 2, samples=40, dtype=torch.float64)
    mask, roles = torch.tensor([[True, True], [False, True]]), random_roles(2, 2)

    def render(audio, *parts):
        return graph(audio, RATE, GraphKnobs(*parts), mask, roles)

    leaves = [leaf.clone().requires_grad_() for leaf in (audio, *knobs)]
    assert torch.autograd.gradcheck(render, leaves, fast_mode=True)


@each_graph
def test_every_knob_of_a_present_track_has_a_gradient(graph):
    audio, knobs = random_tracks(1, 2, samples=50_000), random_knobs(graph, 1, 2, seed=3)
    audio = audio * torch.logspace(-3, 1, audio.shape[-1])  # through all knees
    flat = (0.2 + 0.6 * knobs.flat()).requires_grad_()
    mix = graph(audio, 44_100, graph.layout.from_flat(flat))
    (grad,) = torch.autograd.grad((mix * mix.detach().roll(7)).sum(), flat)
    unused = [n for n, g in zip(graph.layout.names(2), grad[0], strict=True) if g == 0]
    assert [name for name in unused if not name.startswith("kit.")] == []  # no track has the role
    assert grad.isfinite().all()


def test_rows_are_divided_where_the_memory_needs_it(monkeypatch):
    audio, knobs = random_tracks(2, 5), random_knobs(STUDIO, 2, 5)
    mix = STUDIO(audio, RATE, knobs)
    calls = []
    STUDIO.strip.register_forward_hook(lambda *_: calls.append(1))
    monkeypatch.setattr("ai_mixer.console.graph.STRIP_SAMPLES_AT_ONCE", 3 * 4000)
    assert residual_db(STUDIO(audio, RATE, knobs), mix) <= -120
    assert len(calls) == 4
    assert STRIP_SAMPLES_AT_ONCE > 10 * 44_100


def test_inverted_strips_are_the_tracks():
    graph = small_graph()
    audio, knobs = random_tracks(2, 3, dtype=torch.float64), random_knobs(graph, 2, 3)
    mask = torch.tensor([[True, False, True], [True, True, True]])
    stems = graph.stems(audio, RATE, knobs, mask)
    tracks = graph.invert_strips(stems.tracks, RATE, knobs, mask)
    assert residual_db(tracks[mask], audio[mask]) <= -90
    assert not tracks[~mask].any()
    again, audible = graph.invert_strips_with_audibility(stems.tracks, RATE, knobs, mask)
    assert torch.equal(again, tracks)
    assert audible.shape == (2, 3, 10)
    for song, track in mask.nonzero().tolist():
        own = knobs.strips[song, track, :10][None]
        _, wanted = graph.strip.forward_with_audibility(audio[song, track][None], RATE, own)
        assert torch.equal(audible[song, track], wanted[0])
    assert not audible[~mask].any()


def test_an_effect_more_is_an_entry_more_in_the_strip(tmp_path, monkeypatch):
    """As docs/guides/extend.md says: a chain entry, and a range."""
    import shutil

    from ai_mixer.config.folder import config_folder

    shutil.copytree(config_folder(), tmp_path / "configs")
    monkeypatch.setattr("ai_mixer.console.load.config_folder", lambda: tmp_path / "configs")
    file, ranges = (
        tmp_path / "configs" / name for name in ("console/studio.yaml", "ranges/studio/wide.yaml")
    )
    entry = (
        "    - name: warmth\n"
        "      effect: {_target_: ai_mixer.effects.saturation.Saturation}\n"
        "      knobs:\n"
        "        drive_db: {name: drive_db, unit: dB, scale: linear, neutral: 0}\n"
        "        even: {name: even, unit: share, scale: linear, neutral: 0}\n"
    )
    file.write_text(file.read_text().replace("    - name: fader\n", entry + "    - name: fader\n"))
    ranges.write_text(
        ranges.read_text().replace("  fader_db:", "  drive_db: [0, 9]\n  even: [0, 1]\n  fader_db:")
    )
    graph = load_console("studio")
    assert "strip.drive_db[1]" in graph.layout.names(2)
    audio = random_tracks(1, 2)
    plain = graph(audio, RATE, graph.neutral(2))
    driven = graph.knobs_from({"tracks": [{}, {"drive_db": 9.0}]})
    assert residual_db(graph(audio, RATE, driven), plain) > -60


@pytest.mark.parametrize("tracks", [0, 65])
def test_track_counts_outside_1_to_64_are_refused(tracks):
    knobs = GraphKnobs(torch.empty(1, tracks, 10), *SMALL.neutral(1)[1:])
    with pytest.raises(ValueError, match=rf"tracks must be \[B, 1–64, 1 or 2, T\], got .*{tracks}"):
        SMALL(torch.zeros(1, tracks, 2, 10), RATE, knobs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tracks": torch.zeros(3, 2, 100)}, "tracks must be .* got .3, 2, 100"),
        ({"tracks": torch.zeros(1, 3, 3, 100)}, "1 or 2"),
        ({"tracks": torch.zeros(1, 3, 2, 100, dtype=torch.int16)}, "float32 or float64"),
        ({"sample_rate": 44_100.5}, "sample_rate must be a whole number"),
        (
            {"mask": torch.ones(1, 2, dtype=torch.bool)},
            r"mask must be .*\[1, 3\] bool, got \[1, 2\]",
        ),
        ({"mask": torch.ones(1, 3)}, "mask must be .* got .1, 3. float32"),
        ({"mask": torch.zeros(1, 3, dtype=torch.bool)}, "song 0 has no track"),
        ({"roles": torch.zeros(1, 2)}, r"roles must be \[B, N\] = \[1, 3\], got \[1, 2\]"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_in_one_line(change, message):
    arguments = {
        "tracks": torch.zeros(1, 3, 2, 100),
        "sample_rate": RATE,
        "knobs": SMALL.neutral(3),
    }
    with pytest.raises(ValueError, match=message) as caught:
        SMALL(**arguments | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strips": torch.zeros(1, 2, 11)}, r"knobs.strips must be \[1, 3, 11\], got \[1, 2, 11\]"),
        ({"buses": torch.zeros(1, 2)}, r"knobs.buses must be \[1, 10\], got \[1, 2\]"),
        ({"master": torch.zeros(2, 1)}, "knobs.master must be"),
        ({"strips": torch.full((1, 3, 11), torch.nan)}, r"0 to 1, strip.gain\[0\] is nan"),
        ({"master": torch.tensor([[1.5]])}, "0 to 1, master.gain is 1.5"),
    ],
)
def test_knobs_that_do_not_fit_are_refused_in_one_line(change, message):
    knobs = SMALL.neutral(3)._replace(**change)
    with pytest.raises(ValueError, match=message) as caught:
        SMALL(torch.zeros(1, 3, 2, 100), RATE, knobs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"sends": {"hall": SEND}}, "no bus named 'hall': .*echo"),
        ({"groups": {"drumms": "kit"}}, "no role named 'drumms': there is drums"),
        ({"groups": {"drums": "drums"}}, "no bus named 'drums'"),
        ({"buses": {"keys": chain(gain())}, "groups": {"bass": "keys"}}, "named 'keys'"),
        ({"groups": {}}, "bus kit has no input"),
        ({"buses": {"master": chain(gain())}, "groups": {"bass": "master"}}, "named 'master'"),
        ({"buses": {"a.b": chain(gain())}, "groups": {"bass": "a.b"}}, "named 'a.b'"),
        ({"sends": {"echo": SEND | {"neutral": 0.5}}}, "echo_send: neutral must be 0"),
        ({"sends": {"echo": SEND | {"name": "gain"}}}, "ranges of .* do not fit the sends"),
        ({"sends": {"echo": SEND | {"name": "q"}}, "ranges": {"q": (0, 1)}}, "share a name"),
        ({"ranges": {}}, "ranges of .* do not fit the sends"),
        ({"ranges": {"echo_send": (0.1, 1)}}, "echo_send.* low ≤ neutral ≤ high"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, message):
    if "buses" in parts:
        parts = parts | {"sends": {}, "ranges": {}}
    with pytest.raises(ValueError, match=message) as caught:
        small_graph(**parts)
    assert "\n" not in str(caught.value)


def test_flat_knobs_have_names_and_return():
    knobs = random_knobs(SMALL, 2, 3)
    flat, names = knobs.flat(), SMALL.layout.names(3)
    assert flat.shape == (2, len(names))
    assert len(set(names)) == len(names)
    assert flat[1, names.index("strip.threshold_db[2]")] == knobs.strips[1, 2, 4]
    assert flat[1, names.index("kit.ratio")] == knobs.buses[1, 5]
    for part, own in zip(SMALL.layout.from_flat(flat), knobs, strict=True):
        assert torch.equal(part, own)


@pytest.mark.parametrize("shape", [(2, 20), (2, 11), (40,), (1, 11 * 65 + 11)])
def test_flat_knobs_of_no_number_of_tracks_are_refused(shape):
    with pytest.raises(ValueError, match=r"11 · N \+ 11. for 1–64 tracks"):
        SMALL.layout.from_flat(torch.zeros(shape))


def test_memory_grows_linearly_with_the_tracks():
    """Bytes that are kept for the gradient."""

    def kept_bytes(tracks):
        kept = {}

        def keep(tensor):
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        knobs = GraphKnobs(*(part.requires_grad_() for part in random_knobs(STUDIO, 1, tracks)))
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            mix = STUDIO(random_tracks(1, tracks), RATE, knobs)
        assert mix.requires_grad
        return sum(kept.values())

    few, some, many = map(kept_bytes, (16, 32, 64))  # all with a limiter at work
    assert many - some == pytest.approx(2 * (some - few), rel=0.01)
    assert (some - few) / 16 <= 7 * 2 * 2000 * 4  # seven stereo signals per track
