"""What an effect declares follows from the methods that its class implements."""

from typing import ClassVar

import pytest
import torch

from ai_mixer.console import Console
from ai_mixer.effects.delay_bus import DelayBus
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.gain import Gain
from ai_mixer.effects.limiter import Limiter
from ai_mixer.effects.reverb import Reverb
from helpers.signals import noise

RATE = 44_100


class Cube(Effect):
    """An effect with `forward` alone."""

    knob_names: ClassVar[tuple[str, ...]] = ("drive",)

    def forward(self, x, sample_rate, *, drive):
        return x + drive.to(x)[:, None, None] * x**3


class Reversed(Effect):
    """An effect without knobs."""

    def forward(self, x, sample_rate):
        return -x


def spec(name, scale, neutral):
    return {"name": name, "unit": "", "scale": scale, "neutral": neutral}


CUBE = {"name": "cube", "effect": Cube(), "knobs": {"drive": spec("drive", "linear", 0)}}
GAIN = {"name": "level", "effect": Gain(), "knobs": {"gain": spec("level", "log", 1)}}
REVERSED = {"name": "reversed", "effect": Reversed()}
RANGES = {"drive": [0, 1], "level": [0.5, 2]}


def console(*chain):
    names = [knob["name"] for entry in chain for knob in entry.get("knobs", {}).values()]
    return Console(chain, Limiter(), {name: RANGES[name] for name in names})


@pytest.mark.parametrize(
    ("cls", "invertible", "streamable"),
    [(Gain, True, True), (Reverb, False, True), (Limiter, False, False), (Cube, False, False)],
)
def test_flags_follow_from_the_methods(cls, invertible, streamable):
    assert (cls.invertible, cls.streamable) == (invertible, streamable)


@pytest.mark.parametrize("chain", [(CUBE,), (CUBE, GAIN), (GAIN, CUBE)])
def test_forward_alone_is_rendered_offline_and_neutral_in_a_stream(chain):
    both, x = console(*chain), noise(2, 600)
    knobs = both.knobs_from({"drive": 0.5})
    rendered = torch.cat(list(both.render(x.split(256, dim=-1), RATE, knobs[0])), -1)
    assert torch.equal(rendered, both(x[None], RATE, knobs)[0])
    assert torch.equal(both.invert(x[None], RATE, knobs)[0], x)
    stream = both.stream(RATE, 256, limit=False)
    torch.testing.assert_close(stream(x[:, :256]), x[:, :256])
    with pytest.raises(ValueError, match=r"^effect cube \(Cube\) has no live form: [^\n]*$"):
        stream(x[:, :256], knobs[0])


def test_an_effect_without_knobs_and_live_form_is_always_refused_live():
    with pytest.raises(ValueError, match=r"^effect reversed \(Reversed\) has no live form"):
        console(GAIN, REVERSED).stream(RATE, 256)


def test_an_effect_without_knobs_is_never_removed_as_neutral():
    both, x = console(GAIN, REVERSED), noise(1, 2, 100)
    reduced, knobs = both.without_neutral(both.neutral[None])
    assert list(reduced.effects) == ["reversed"]
    assert torch.equal(reduced(x, RATE, knobs), -x)


def test_an_effect_for_a_bus_is_never_removed_as_neutral():
    """Without it, the dry signal would pass."""
    knobs = {name: spec(name, "linear", 1) for name in DelayBus.knob_names}
    bus = {"name": "echoes", "effect": DelayBus(), "knobs": knobs}
    ranges = {"level": RANGES["level"]} | dict.fromkeys(knobs, (0.0, 2.0))
    both = Console([GAIN, bus], Limiter(), ranges)
    reduced, _ = both.without_neutral(both.neutral[None])
    assert list(reduced.effects) == ["echoes"]
