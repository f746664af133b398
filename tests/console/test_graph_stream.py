"""A console of several tracks for live audio equals the offline mix."""

import pytest
import torch

from ai_mixer.console import GraphKnobs, load_console
from ai_mixer.core.track import ROLES
from ai_mixer.effects.saturation import Saturation
from helpers.graphs import (
    RANGES,
    chain,
    gain,
    knob,
    random_knobs,
    random_roles,
    random_tracks,
    small_graph,
)
from helpers.measures import residual_db

RATE = 8000
SMALL, STUDIO = small_graph(), load_console("studio")
SIZES = [1, 256, 0, 37, 100]


@pytest.fixture
def saturation(monkeypatch):
    """An effect that looks ahead."""
    monkeypatch.setitem(RANGES, "drive_db", (0, 9))
    monkeypatch.setitem(RANGES, "even", (0, 1))
    knobs = {name: knob(name, "dB", "linear", 0) for name in ("drive_db", "even")}
    return {"name": "saturation", "effect": Saturation(), "knobs": knobs}


def streamed(stream, tracks, *, knobs=None, sizes=SIZES):
    """The mix of [N, C, T] without latency."""
    parts, start = [], 0
    while start < tracks.shape[-1]:
        size = sizes[len(parts) % len(sizes)]
        parts.append(stream(tracks[..., start : start + size], knobs if not parts else None))
        start += size
    return torch.cat([*parts, stream.finish()], dim=1)[:, stream.latency_samples :]


@pytest.mark.parametrize("graph", [SMALL, STUDIO], ids=["small", "studio"])
@pytest.mark.parametrize(("rate", "channels"), [(8000, 2), (44_100, 1), (192_000, 2)])
def test_the_stream_equals_the_offline_mix(graph, rate, channels):
    tracks, knobs = random_tracks(1, 3, channels), random_knobs(graph)
    roles = random_roles()
    mix = graph(tracks, rate, knobs, roles=roles)[0]
    stream = graph.stream(rate, 256, 3, roles=roles[0])
    assert residual_db(streamed(stream, tracks[0], knobs=knobs), mix) <= -90


def test_strips_that_look_ahead_are_in_step(saturation):
    graph = small_graph(strip=chain(gain(), saturation))
    tracks, knobs = random_tracks(), random_knobs(graph)
    stream = graph.stream(RATE, 256, 3, limit=False)
    assert stream.latency_samples == 36
    mix = graph(tracks, RATE, knobs, limit=False)[0]
    assert residual_db(streamed(stream, tracks[0], knobs=knobs), mix) <= -90


def test_a_bus_that_looks_ahead_is_refused(saturation):
    graph = small_graph(buses={"echo": chain(saturation)}, groups={})
    with pytest.raises(ValueError, match="bus echo delays its input"):
        graph.stream(RATE, 256, 2)


@pytest.mark.parametrize(
    "dtype",
    [torch.float32, pytest.param(torch.float64, marks=pytest.mark.slow)],  # compiles for 20 s
)
def test_64_tracks(dtype):
    tracks = random_tracks(1, 64, samples=600, dtype=dtype)
    knobs = random_knobs(SMALL, 1, 64)
    mix = streamed(SMALL.stream(RATE, 256, 64), tracks[0], knobs=knobs)
    assert mix.dtype == dtype
    assert residual_db(mix, SMALL(tracks, RATE, knobs)[0]) <= -90


def test_knobs_move_smoothly_and_arrive():
    """A send that opens: no step between samples, then the mix with the new knobs."""
    tone = torch.sin(torch.arange(8000) * 0.1).expand(1, 1, -1)
    stream = SMALL.stream(RATE, 100, 1, limit=False)
    wet = {"buses": {"echo": {"wet": 0.0, "db": 9.0, "hz": 127.0 * 10}}}
    dry = SMALL.knobs_from({"tracks": [{}], **wet})
    sent = SMALL.knobs_from({"tracks": [{"echo_send": 1.0}], **wet})
    parts = [stream(tone[..., :4000][..., n : n + 100], dry) for n in range(0, 4000, 100)]
    parts += [stream(tone[..., 4000:][..., n : n + 100], sent) for n in range(0, 4000, 100)]
    mix = torch.cat(parts, dim=1)
    assert mix.diff().abs().max() <= 0.11 * mix.abs().max()
    arrived = SMALL(tone[None], RATE, sent, limit=False)[0]
    assert residual_db(mix[:, -2000:], arrived[:, -2000:]) <= -80
    assert residual_db(mix[:, :4000], tone[0, :, :4000].expand(2, -1)) <= -90


def test_invalid_samples_count_as_silence():
    tracks, knobs = random_tracks(1, 2, samples=200), random_knobs(SMALL, 1, 2)
    broken = tracks.clone()
    broken[0, 1, :, 50] = torch.nan
    tracks[0, 1, :, 50] = 0.0
    mixes = [streamed(SMALL.stream(RATE, 256, 2), x[0], knobs=knobs) for x in (broken, tracks)]
    assert torch.equal(*mixes)


def test_roles_route_tracks():
    tracks = random_tracks(1, 2, samples=500)
    roles = torch.tensor([ROLES.index("drums"), -1])
    knobs = random_knobs(SMALL, 1, 2)
    mix = SMALL(tracks, RATE, knobs, roles=roles[None])[0]
    assert residual_db(mix, SMALL(tracks, RATE, knobs)[0]) > -60
    assert (
        residual_db(streamed(SMALL.stream(RATE, 256, 2, roles=roles), tracks[0], knobs=knobs), mix)
        <= -90
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((RATE, 0, 2), "block_size must be 1 or more, got 0"),
        ((RATE, 64, 0), "tracks must be 1–64, got 0"),
        ((RATE, 64, 65), "tracks must be 1–64, got 65"),
        ((7000, 64, 2), "sample_rate must be a whole number of 8000–192000 Hz"),
    ],
)
def test_streams_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SMALL.stream(*arguments)


def test_blocks_and_knobs_that_do_not_fit_are_refused():
    stream = SMALL.stream(RATE, 64, 2)
    for shape in [(2, 2, 65), (3, 2, 10), (2, 3, 10), (2, 10)]:
        with pytest.raises(ValueError, match=r"tracks must be \[2, 1 or 2, n\] with n ≤ 64, got"):
            stream(torch.zeros(shape))
    with pytest.raises(ValueError, match="float32 or float64"):
        stream(torch.zeros(2, 2, 10, dtype=torch.int32))
    with pytest.raises(ValueError, match=r"knobs.strips must be \[1, 2, 11\]"):
        stream(torch.zeros(2, 2, 10), SMALL.neutral(3))
    knobs = GraphKnobs(*(torch.full_like(part, torch.nan) for part in SMALL.neutral(2)))
    with pytest.raises(ValueError, match=r"strip.gain\[0\] is nan"):
        stream(torch.zeros(2, 2, 10), knobs)
    with pytest.raises(ValueError, match=r"roles must be \[N\] = \[2\], got \[3\]"):
        SMALL.stream(RATE, 64, 2, roles=torch.zeros(3))
