"""Strip and buses of a console for several tracks, as a console for one stereo file."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from torch import Tensor

from ai_mixer.console import Console, ConsoleGraph
from ai_mixer.core.knob import Knob
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.limiter import Limiter

SEND = "send"


class SendEffect(Effect):
    """y = x + send · bus(x): the send of a track and the bus that it goes to.

    bus: a chain. Knobs: `send`, an amplitude ratio, 0 is neutral; and those of the bus, by name.
    """

    def __init__(self, bus: Console) -> None:
        super().__init__()
        self.bus = bus
        self.knob_names = (SEND, *bus.names)  # type: ignore[misc]
        self.shape_knobs = tuple(bus.names)  # type: ignore[misc]

    def forward(self, x: Tensor, sample_rate: int, *, send: Tensor, **knobs: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; knobs: [B]. Returns [B, C, T]."""
        wet = x
        for effect, columns in self.bus.effects_with_columns():
            own = {name: knobs[self.bus.names[column]] for name, column in columns.items()}
            wet = effect(wet, sample_rate, **own)
        return x + send.to(x.dtype)[:, None, None] * wet


def track_console(graph: ConsoleGraph) -> Console:
    """The strip, then each bus with its send; knobs of a bus are named `<bus>_<knob>`.

    A stereo file passes through it as the only track of the graph, without the master. With more
    than one send, a bus also receives what those before it add.
    """
    strip, sends = graph.strip, graph.sends
    chain = [
        _entry(name, cast(Effect, effect), {a: strip.knobs[c] for a, c in columns.items()})
        for (name, effect), (_, columns) in zip(
            strip.effects.items(), strip.effects_with_columns(), strict=True
        )
    ]
    for name, send in sends.items():
        bus = cast(Console, graph.buses[name])
        knobs = {knob.name: replace(knob, name=f"{name}_{knob.name}") for knob in bus.knobs}
        chain.append(_entry(name, SendEffect(bus), {SEND: send, **knobs}))
    every = [knob for entry in chain for knob in entry["all"]]
    ranges = {knob.name: (knob.low, knob.high) for knob in every}
    return Console(chain, Limiter(), ranges)


def _entry(name: str, effect: Effect, knobs: Mapping[str, Knob]) -> dict[str, Any]:
    """An effect of a chain, see `EffectChain`; `all`: its knobs."""
    fields = ("name", "unit", "scale", "neutral")
    specs = {argument: {f: getattr(k, f) for f in fields} for argument, k in knobs.items()}
    return {"name": name, "effect": effect, "knobs": specs, "all": list(knobs.values())}
