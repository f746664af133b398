"""Strips, buses and a master: their knobs, positions and settings."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ai_mixer.console.console import Console
from ai_mixer.console.graph_knobs import GraphKnobs, KnobLayout
from ai_mixer.console.graph_settings import (
    GraphSettings,
    LoadedSettings,
    from_settings,
    to_settings,
)
from ai_mixer.console.knob_positions import check_positions
from ai_mixer.console.track_rows import TrackRows
from ai_mixer.core.knob import Knob, knob_names
from ai_mixer.core.track import ROLES
from ai_mixer.dsp.operators import can_branch

RESERVED = ("strip", "master", "tracks")


class GraphParts(nn.Module):
    """Strips, buses and a master with their knobs.

    Every track passes through the same chain `strip`, with knobs of its own. A bus is a chain whose
    input is the sum of what the tracks send to it, behind their strips; its output is added to the
    mix. The master is a chain with a limiter.

    buses: name → chain. sends: bus → `{name, unit, scale, neutral}`, a knob of the strip: the
    amplitude ratio sent; neutral must be 0. ranges: name of a send → (low, high). groups: role →
    bus; tracks of this role go to that bus only, instead of the mix. name: of the console, recorded
    in settings. ValueError for a part that does not fit.
    """

    def __init__(
        self,
        strip: Console,
        master: Console,
        buses: Mapping[str, Console] | None = None,
        sends: Mapping[str, Mapping[str, Any]] | None = None,
        ranges: Mapping[str, Sequence[float]] | None = None,
        groups: Mapping[str, str] | None = None,
        name: str = "studio",
    ) -> None:
        super().__init__()
        self.strip, self.master, self.name = strip, master, name
        for bus in buses or {}:
            if bus in RESERVED or not bus.isidentifier() or hasattr(nn.ModuleDict, bus):
                raise ValueError(f"a bus cannot be named {bus!r}: use another identifier")
        self.buses = nn.ModuleDict(buses or {})
        self.groups = dict(groups or {})
        self.sends = _send_knobs(sends or {}, ranges or {})
        self._check_parts()
        self.layout = KnobLayout(
            [*strip.knobs, *self.sends.values()],
            {bus: cast(Console, chain).knobs for bus, chain in self.buses.items()},
            master.knobs,
        )

    @property
    def names(self) -> list[str]:
        """Names of the knobs of a strip, sends included."""
        return knob_names(self.layout.strip)

    def chains(self) -> dict[str, Console]:
        """All chains by name: `strip`, the buses, `master`."""
        buses = {name: cast(Console, chain) for name, chain in self.buses.items()}
        return {"strip": self.strip, **buses, "master": self.master}

    def settings(
        self,
        knobs: GraphKnobs,
        mask: Tensor | None = None,
        names: Sequence[Sequence[str]] | None = None,
        roles: Tensor | None = None,
    ) -> list[GraphSettings]:
        """Convert positions to settings, one dict per song, see `graph_settings`.

        names: per song and track. ValueError for positions that are NaN or outside 0–1.
        """
        knobs = GraphKnobs(*(torch.as_tensor(part).detach().cpu() for part in knobs))
        songs, tracks = knobs.strips.shape[:2]
        knobs = self.check_knobs(knobs, TrackRows(songs, tracks, mask))
        present = torch.ones(songs, tracks, dtype=torch.bool) if mask is None else mask
        return to_settings(self.layout, self.name, knobs, present, names, roles)

    def load_settings(
        self, settings: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> LoadedSettings:
        """Convert settings of one song or several to knobs, mask, roles and names.

        ValueError in one line for what is unknown or outside its range.
        """
        return from_settings(self.layout, self.name, settings)

    def knobs_from(self, settings: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> GraphKnobs:
        """Convert settings of one song, or several with as many tracks, to positions."""
        return self.load_settings(settings).knobs

    def neutral(self, tracks: int, songs: int = 1) -> GraphKnobs:
        """Neutral positions of all knobs."""
        parts = (
            self.layout.strip,
            [knob for own in self.layout.buses.values() for knob in own],
            self.layout.master,
        )
        rows = [torch.tensor([knob.neutral_position for knob in knobs]) for knobs in parts]
        strips, buses, master = (row.expand(songs, -1) for row in rows)
        return GraphKnobs(strips[:, None].repeat(1, tracks, 1), buses.clone(), master.clone())

    def check_knobs(self, knobs: GraphKnobs, rows: TrackRows) -> GraphKnobs:
        """Check shapes, and positions where `EffectChain.check_knobs` checks them.

        Those of absent tracks are set to 0.
        """
        knobs = GraphKnobs(*map(torch.as_tensor, knobs))
        self.layout.check_shapes(knobs, *rows.shape)
        knobs = knobs._replace(strips=rows.zero_absent(knobs.strips))
        flat = knobs.flat()
        if not flat.requires_grad and can_branch(flat):
            check_positions(flat, lambda: self.layout.names(rows.shape[1]))
        return knobs

    def _check_parts(self) -> None:
        """ValueError for names and routes that do not fit."""
        names = [*self.strip.names, *(knob.name for knob in self.sends.values())]
        if len(set(names)) != len(names):
            raise ValueError(f"two knobs of the strip share a name: {names}")
        for bus in [*self.sends, *self.groups.values()]:
            if bus not in self.buses:
                raise ValueError(
                    f"no bus named {bus!r}: there is {', '.join(self.buses) or 'none'}"
                )
        for bus in self.buses:
            if bus not in {*self.sends, *self.groups.values()}:
                raise ValueError(f"bus {bus} has no input: give it a send or a group")
        for role in self.groups:
            if role not in ROLES:
                raise ValueError(f"no role named {role!r}: there is {', '.join(ROLES)}")


def _send_knobs(
    sends: Mapping[str, Mapping[str, Any]], ranges: Mapping[str, Sequence[float]]
) -> dict[str, Knob]:
    """Bus → knob of the strip."""
    knobs = {}
    if set(ranges) != {spec["name"] for spec in sends.values()}:
        raise ValueError(f"ranges of {sorted(ranges)} do not fit the sends {dict(sends)}")
    for bus, spec in sends.items():
        low, high = map(float, ranges[spec["name"]])
        knobs[bus] = Knob(**{**spec, "neutral": float(spec["neutral"])}, low=low, high=high)
        if knobs[bus].neutral != 0.0:
            raise ValueError(f"send {spec['name']}: neutral must be 0, nothing sent")
    return knobs
