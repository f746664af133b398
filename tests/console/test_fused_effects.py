"""Several effects as one operator equal effect after effect."""

import pytest
import torch

from ai_mixer.console import fused_effects, load_console
from ai_mixer.effects.pan import Pan
from helpers.graphs import RANGES, chain, compressor, gain, knob, peak
from helpers.measures import residual_db
from helpers.signals import noise

PAN = {"name": "pan", "effect": Pan(), "knobs": {"pan": knob("pan", "share", "linear", 0)}}


def renamed(entry, number):
    """The same effect with other names."""
    knobs = {n: k | {"name": f"{k['name']}{number}"} for n, k in entry["knobs"].items()}
    return entry | {"name": f"{entry['name']}{number}", "knobs": knobs}


def chain_of(monkeypatch, *entries):
    """A chain in which effects may repeat."""
    entries = [renamed(entry, number) for number, entry in enumerate(entries)]
    for entry in entries:
        for spec in entry["knobs"].values():
            known = RANGES | {"pan": (-1, 1)}
            monkeypatch.setitem(RANGES, spec["name"], known[spec["name"].rstrip("0123456789")])
    return chain(*entries)


@pytest.mark.parametrize(
    ("entries", "calls"),
    [
        ([gain(), peak(), peak()], {"biquad_cascade": 1}),
        ([peak(), gain()], {}),
        ([PAN, peak(), peak()], {"biquad_cascade": 1}),
        ([compressor(), gain(), PAN], {}),
        ([compressor(), PAN, peak(), peak()], {"biquad_cascade": 1}),
        ([gain(), PAN, gain()], {}),
        ([gain(), compressor(), compressor(), gain(), peak(), compressor()], {}),
        ([], {}),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("songs", [1, 8])
def test_fused_effects_equal_effect_after_effect(monkeypatch, entries, calls, songs, channels):
    console, counts = chain_of(monkeypatch, *entries), {}
    audio = noise(songs, channels, 700, level=0.4, dtype=torch.float64)
    positions = torch.rand(songs, len(console.knobs), generator=torch.Generator().manual_seed(1))
    cascade = fused_effects.biquad_cascade

    def counted(*arguments):
        counts["biquad_cascade"] = counts.get("biquad_cascade", 0) + 1
        return cascade(*arguments)

    monkeypatch.setattr(fused_effects, "biquad_cascade", counted)
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
