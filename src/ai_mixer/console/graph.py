"""A console for several tracks: a strip per track, buses that tracks send to, and a master."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self, cast

import torch
from torch import Tensor, nn

from ai_mixer.console.console import Console
from ai_mixer.console.effect_chain import check_audio
from ai_mixer.console.graph_knobs import MAX_TRACKS, GraphKnobs, KnobLayout
from ai_mixer.console.graph_settings import (
    GraphSettings,
    LoadedSettings,
    from_settings,
    to_settings,
)
from ai_mixer.console.knob_positions import check_positions
from ai_mixer.console.track_rows import TrackRows
from ai_mixer.core.types import ROLES, Knob
from ai_mixer.dsp.operators import can_branch, holds

STRIP_SAMPLES_AT_ONCE = 1 << 24  # without gradient: bounds the memory inside strips
RESERVED = ("strip", "master", "tracks")


class Stems(NamedTuple):
    """Signals before the master, whose sum is the input of the master.

    tracks: [B, N, 2, T], processed tracks; silent where absent, and where the track is routed to a
    bus by its role. buses: name → [B, 2, T].
    """

    tracks: Tensor
    buses: dict[str, Tensor]

    def sum(self) -> Tensor:
        """The input of the master: [B, 2, T]."""
        return self.tracks.sum(1) + sum(self.buses.values())


class ConsoleGraph(nn.Module):
    """Strips, buses and a master: mix [B, 2, T] = master(Σ strips + Σ buses).

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

    @classmethod
    def from_console(cls, console: Console) -> Self:
        """A console for one stereo file as a graph with one strip; the limiter is the master."""
        strip, _ = console.select([True] * len(console.effects))
        master, _ = console.select([False] * len(console.effects))
        strip.limiter = None
        return cls(strip, master, name="")

    def forward(
        self,
        tracks: Tensor,
        sample_rate: int,
        knobs: GraphKnobs,
        mask: Tensor | None = None,
        roles: Tensor | None = None,
        *,
        limit: bool = True,
    ) -> Tensor:
        """Render the mix.

        tracks: [B, N, C, T], N 1–64. A mono track has one channel, or two equal ones among stereo
        tracks. knobs: positions 0–1. mask: [B, N] bool, False: no track there; such a track is
        not processed. roles: [B, N] index into `ROLES` or −1, needed for `groups` only. limit:
        False omits the limiter of the master. Returns [B, 2, T]. Differentiable any number of
        times. ValueError in one line for arguments that do not fit.
        """
        tracks, knobs, rows = self._check(tracks, sample_rate, knobs, mask)
        _, sums = self._strips(tracks, sample_rate, knobs, rows, roles)
        mix = sums[:, 0] + sum(self._buses(sums, sample_rate, knobs).values())
        return self.master(mix, sample_rate, knobs.master, limit=limit)

    def stems(
        self,
        tracks: Tensor,
        sample_rate: int,
        knobs: GraphKnobs,
        mask: Tensor | None = None,
        roles: Tensor | None = None,
    ) -> Stems:
        """Signals before the master, see `Stems`; arguments as for `forward`."""
        tracks, knobs, rows = self._check(tracks, sample_rate, knobs, mask)
        stems, sums = self._strips(tracks, sample_rate, knobs, rows, roles)
        direct = self._routes(knobs, rows, roles)[:, 0].to(stems)
        return Stems(
            rows.unpack(stems * direct[:, None, None]), self._buses(sums, sample_rate, knobs)
        )

    def invert_strips(
        self, stems: Tensor, sample_rate: int, knobs: GraphKnobs, mask: Tensor | None = None
    ) -> Tensor:
        """Tracks [B, N, C, T] from which the strips give `stems`: `Console.invert` per track."""
        stems, knobs, rows = self._check(stems, sample_rate, knobs, mask)
        tracks = self.strip.invert(rows.pack(stems), sample_rate, self._strip_knobs(knobs, rows))
        return rows.unpack(tracks)

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

    def _strips(
        self,
        tracks: Tensor,
        sample_rate: int,
        knobs: GraphKnobs,
        rows: TrackRows,
        roles: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Processed tracks [M, 2, T], and their sums to the mix and each bus, [B, 1 + K, 2, T]."""
        audio = rows.pack(tracks).expand(-1, 2, -1)  # a mono track as two equal channels
        positions = self._strip_knobs(knobs, rows)
        size = len(audio)
        if not (torch.is_grad_enabled() and (audio.requires_grad or positions.requires_grad)):
            size = max(1, STRIP_SAMPLES_AT_ONCE // audio[0].numel())
        parts = [
            self.strip(part, sample_rate, own, limit=False)
            for part, own in zip(
                torch.split(audio, size), torch.split(positions, size), strict=True
            )
        ]
        stems = parts[0] if len(parts) == 1 else torch.cat(parts)
        routes = torch.split(self._routes(knobs, rows, roles).to(stems), rows.counts)
        songs = zip(torch.split(stems.flatten(1), rows.counts), routes, strict=True)
        sums = torch.stack([route.T @ song for song, route in songs])
        return stems, sums.reshape(*sums.shape[:2], *stems.shape[1:])

    def _routes(self, knobs: GraphKnobs, rows: TrackRows, roles: Tensor | None) -> Tensor:
        """Amplitude of each track in the mix and at the input of each bus, [M, 1 + K]."""
        positions = rows.pack(knobs.strips)[:, len(self.strip.knobs) :].unbind(1)
        sent = {
            bus: knob.to_physical(position)
            for (bus, knob), position in zip(self.sends.items(), positions, strict=True)
        }
        grouped = self._grouped(rows, roles, knobs.strips)
        none = knobs.strips.new_zeros(sum(rows.counts))
        to_buses = [sent.get(bus, none) + grouped.get(bus, none) for bus in self.buses]
        return torch.stack([1.0 - sum(grouped.values(), none), *to_buses], dim=1)

    def _grouped(self, rows: TrackRows, roles: Tensor | None, like: Tensor) -> dict[str, Tensor]:
        """Per bus of a group: 1 for the tracks that are routed to it, [M]."""
        if roles is None or not self.groups:
            return {}
        roles = torch.as_tensor(roles, device=like.device)
        if roles.shape != rows.shape:
            raise ValueError(f"roles must be [B, N] = {list(rows.shape)}, got {list(roles.shape)}")
        packed = rows.pack(roles)
        routed: dict[str, Tensor] = {}
        for role, bus in self.groups.items():
            routed[bus] = routed.get(bus, 0.0) + (packed == ROLES.index(role)).to(like)
        return routed

    def _buses(self, sums: Tensor, sample_rate: int, knobs: GraphKnobs) -> dict[str, Tensor]:
        """Output of each bus, [B, 2, T]; a bus without input is not processed."""
        sizes = [len(own) for own in self.layout.buses.values()]
        positions = torch.split(knobs.buses, sizes, dim=1)
        outputs = {}
        for (bus, chain), audio, own in zip(
            self.buses.items(), sums[:, 1:].unbind(1), positions, strict=True
        ):
            silent = not (audio.requires_grad or own.requires_grad) and holds(~audio.any())
            outputs[bus] = audio if silent else chain(audio, sample_rate, own, limit=False)
        return outputs

    def _strip_knobs(self, knobs: GraphKnobs, rows: TrackRows) -> Tensor:
        """Positions of the effects of the strips, [M, P]."""
        return rows.pack(knobs.strips)[:, : len(self.strip.knobs)]

    def _check(
        self, tracks: Tensor, sample_rate: int, knobs: GraphKnobs, mask: Tensor | None
    ) -> tuple[Tensor, GraphKnobs, TrackRows]:
        """Check the arguments; return tracks and knobs as tensors of one device and type."""
        tracks = torch.as_tensor(tracks)
        if tracks.dim() != 4 or not 1 <= tracks.shape[1] <= MAX_TRACKS:
            raise ValueError(
                f"tracks must be [B, 1–{MAX_TRACKS}, 1 or 2, T], got {list(tracks.shape)}"
            )
        check_audio(tracks[:, 0], sample_rate)
        songs, count = tracks.shape[:2]
        rows = TrackRows(songs, count, mask)
        return tracks, self.check_knobs(knobs, rows).to(tracks), rows

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
