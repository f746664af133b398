"""A console for several tracks: a strip per track, buses that tracks send to, and a master."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from ai_mixer.console.console import Console
from ai_mixer.console.effect_chain import check_audio
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.console.graph_parts import GraphParts
from ai_mixer.console.graph_stream import GraphStream
from ai_mixer.console.track_rows import TrackRows
from ai_mixer.core.track import MAX_TRACKS, ROLES
from ai_mixer.dsp.operators import holds

STRIP_SAMPLES_AT_ONCE = 1 << 24  # without gradient: bounds the memory inside strips


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


class ConsoleGraph(GraphParts):
    """Strips, buses and a master: mix [B, 2, T] = master(Σ strips + Σ buses).

    Parameters and errors: see `GraphParts`.
    """

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

    def stream(
        self,
        sample_rate: int,
        block_size: int,
        tracks: int,
        *,
        roles: Tensor | None = None,
        limit: bool = True,
    ) -> GraphStream:
        """Create a stream for live audio, see `GraphStream`."""
        return GraphStream(self, sample_rate, block_size, tracks, roles=roles, limit=limit)

    def invert_strips_with_audibility(
        self,
        stems: Tensor,
        sample_rate: int,
        knobs: GraphKnobs,
        mask: Tensor | None = None,
        query: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`invert_strips`, and which knobs of the effects are audible, [B, N, P] bool.

        As `Console.invert_with_audibility` per track; False where there is no track. query: [P].
        """
        stems, knobs, rows = self._check(stems, sample_rate, knobs, mask)
        own = self._strip_knobs(knobs, rows)
        tracks, audible = self.strip.invert_with_audibility(
            rows.pack(stems), sample_rate, own, query
        )
        return rows.unpack(tracks), rows.unpack(audible)

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
        return tracks, self.check_knobs(knobs, rows).to(tracks.device), rows
