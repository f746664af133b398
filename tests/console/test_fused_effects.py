"""Several effects as one operator equal effect after effect."""

import pytest
import torch

from ai_mixer.console import fused_effects, load_console
from ai_mixer.effects.compressor import Compressor
from ai_mixer.effects.pan import Pan
from ai_mixer.effects.width import Width
from helpers.graphs import RANGES, chain, compressor, gain, knob, peak
from helpers.measures import residual_db
from helpers.signals import noise

PAN = {"name": "pan", "effect": Pan(), "knobs": {"pan": knob("pan", "share", "linear", 0)}}
WIDTH = {"name": "width", "effect": Width(), "knobs": {"width": knob("width", "ratio", "log", 1)}}
CLASSIC = {
    "name": "classic",
    "effect": Compressor(threshold_db=-30),
    "knobs": {"ratio": knob("ratio", ":1", "slope", 1)},
}


def renamed(entry, number):
    """The same effect with other names."""
    knobs = {n: k | {"name": f"{k['name']}{number}"} for n, k in entry["knobs"].items()}
    return entry | {"name": f"{entry['name']}{number}", "knobs": knobs}


def chain_of(monkeypatch, *entries):
    """A chain in which effects may repeat."""
    entries = [renamed(entry, number) for number, entry in enumerate(entries)]
    for entry in entries:
        for spec in entry["knobs"].values():
            known = RANGES | {"pan": (-1, 1), "width": (0.5, 2)}
            monkeypatch.setitem(RANGES, spec["name"], known[spec["name"].rstrip("0123456789")])
    return chain(*entries)


def count_calls(monkeypatch, name, counts):
    """Count the calls of an operator by the chain."""
    function = getattr(fused_effects, name)

    def counted(*arguments):
        counts[name] = counts.get(name, 0) + 1
        return function(*arguments)

    monkeypatch.setattr(fused_effects, name, counted)


@pytest.mark.parametrize(
    ("entries", "calls"),
    [
        ([gain(), peak(), peak()], {"biquad_cascade": 1}),
        ([peak(), gain()], {}),
        ([PAN, peak(), peak()], {"biquad_cascade": 1}),
        ([compressor(), gain(), PAN], {"apply_dynamics": 1}),
        ([gain(), gain(), CLASSIC, gain(), PAN], {"apply_dynamics": 1}),
        ([PAN, compressor(), gain(), WIDTH, PAN], {"apply_dynamics": 1, "mix_channels": 1}),
        ([gain(), WIDTH, gain(), PAN, WIDTH], {"mix_channels": 1}),
        ([compressor(), PAN, peak(), peak()], {"apply_dynamics": 1, "biquad_cascade": 1}),
        ([gain(), PAN, gain()], {"mix_channels": 1}),
        ([gain(), compressor(), compressor(), gain(), peak(), compressor()], {"apply_dynamics": 2}),
        ([], {}),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("songs", [1, 8])
def test_fused_effects_equal_effect_after_effect(monkeypatch, entries, calls, songs, channels):
    console, counts = chain_of(monkeypatch, *entries), {}
    audio = noise(songs, channels, 700, level=0.4, dtype=torch.float64)
    positions = torch.rand(songs, len(console.knobs), generator=torch.Generator().manual_seed(1))
    for name in ("biquad_cascade", "apply_dynamics", "mix_channels"):
        count_calls(monkeypatch, name, counts)
    fused = console(audio, 44_100, positions)
    monkeypatch.setattr(fused_effects, "_is_fused", lambda audio: False)
    assert residual_db(fused, console(audio, 44_100, positions)) <= -140
    assert counts == calls


@pytest.mark.parametrize("name", ["classic", "mastering"])
def test_a_batch_equals_its_songs_with_their_gradients(name):
    console, audio = load_console(name), noise(8, 2, 3000, level=0.2)
    positions = torch.rand(8, len(console.knobs), generator=torch.Generator().manual_seed(2))
    batch, alone = (positions.clone().requires_grad_() for _ in range(2))
    mix = console(audio, 44_100, batch)
    songs = [console(x[None], 44_100, p[None]) for x, p in zip(audio, alone, strict=True)]
    assert residual_db(mix, torch.cat(songs)) <= -120
    grads = [
        torch.autograd.grad(y.square().sum(), p)[0]
        for y, p in ((mix, batch), (torch.cat(songs), alone))
    ]
    assert residual_db(*grads) <= -90


def test_gains_before_a_compressor_keep_their_gradients(monkeypatch):
    console, audio = chain_of(monkeypatch, gain(), CLASSIC, gain()), noise(2, 2, 700, level=0.4)
    positions, grads = torch.full((2, 3), 0.7), []
    for fused in (True, False):
        monkeypatch.setattr(fused_effects, "_is_fused", lambda _, fused=fused: fused)
        inputs = [t.double().requires_grad_() for t in (audio, positions)]
        mix = console(inputs[0], 44_100, inputs[1])
        grads.append(torch.autograd.grad(mix.pow(3).sum(), inputs))
    for got, want in zip(*grads, strict=True):
        assert residual_db(got, want) <= -120


def test_a_gain_of_zero_before_a_compressor_is_silence(monkeypatch):
    monkeypatch.setitem(RANGES, "gain", (0, 2))
    quiet = gain()
    quiet["knobs"]["gain"] |= {"scale": "linear"}
    console = chain_of(monkeypatch, quiet, CLASSIC)
    positions = torch.tensor([[0.0, 1.0]], requires_grad=True)
    mix = console(noise(1, 2, 300), 44_100, positions)
    mix.sum().backward()
    assert not mix.any()
    assert positions.grad.isfinite().all()
