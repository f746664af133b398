"""Consoles of several tracks for tests."""

import torch

from ai_mixer.console import Console, ConsoleGraph, GraphKnobs
from ai_mixer.core.track import ROLES
from ai_mixer.effects.delay import Delay
from ai_mixer.effects.dynamics import Dynamics
from ai_mixer.effects.gain import Gain
from ai_mixer.effects.limiter import Limiter
from ai_mixer.effects.parametric import ParametricPeak
from helpers.signals import noise


def knob(name, unit, scale, neutral):
    return {"name": name, "unit": unit, "scale": scale, "neutral": neutral}


def gain(name="gain"):
    return {"name": name, "effect": Gain(), "knobs": {"gain": knob(name, "ratio", "log", 1)}}


def compressor():
    knobs = {
        "threshold_db": knob("threshold_db", "dBFS", "linear", -18),
        "ratio": knob("ratio", ":1", "slope", 1),
        "attack_ms": knob("attack_ms", "ms", "log", 10),
        "release_ms": knob("release_ms", "ms", "log", 100),
        "knee_db": knob("knee_db", "dB", "linear", 6),
        "makeup_db": knob("makeup_db", "dB", "linear", 0),
    }
    return {"name": "compressor", "effect": Dynamics(), "knobs": knobs}


def peak():
    knobs = {
        "frequency_hz": knob("hz", "Hz", "log", 1000),
        "gain_db": knob("db", "dB", "linear", 0),
        "q": knob("q", "Q", "log", 1),
    }
    return {"name": "peak", "effect": ParametricPeak(), "knobs": knobs}


RANGES = {
    "gain": (0.25, 4),
    "threshold_db": (-40, 0),
    "ratio": (1, 8),
    "attack_ms": (1, 100),
    "release_ms": (30, 800),
    "knee_db": (1, 18),
    "makeup_db": (0, 9),
    "hz": (200, 3000),
    "db": (-9, 9),
    "q": (0.5, 3),
    "wet": (0, 0.5),
}


def chain(*entries, limiter=None):
    names = [spec["name"] for entry in entries for spec in entry["knobs"].values()]
    return Console(entries, limiter, {name: RANGES[name] for name in names})


def small_graph(groups=None, **parts):
    """Strips of gain, peak and compressor; a delay and a bus of drums; gain and limiter."""
    delay = {
        "name": "delay",
        "effect": Delay(delay_ms=20, feedback=0.3),
        "knobs": {"wet": knob("wet", "wet", "linear", 0)},
    }
    defaults = {
        "strip": chain(gain(), peak(), compressor()),
        "master": chain(gain(), limiter=Limiter()),
        "buses": {"echo": chain(delay, peak()), "kit": chain(compressor())},
        "sends": {"echo": knob("echo_send", "ratio", "linear", 0)},
        "ranges": {"echo_send": (0, 1)},
        "groups": {"drums": "kit"} if groups is None else groups,
        "name": "small",
    }
    return ConsoleGraph(**defaults | parts)


def random_knobs(graph, songs=1, tracks=3, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    neutral = graph.neutral(tracks, songs)
    parts = [torch.rand(part.shape, generator=generator, dtype=dtype) for part in neutral]
    return GraphKnobs(*parts)


def random_tracks(songs=1, tracks=3, channels=2, samples=2000, seed=0, dtype=torch.float32):
    return noise(songs, tracks, channels, samples, level=0.2, seed=seed, dtype=dtype)


def random_roles(songs=1, tracks=3):
    """Drums, then bass, and so on."""
    return torch.arange(tracks).remainder(len(ROLES)).expand(songs, -1)
