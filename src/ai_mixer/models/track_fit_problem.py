"""The least-squares problem of finding the knobs of a console from tracks and finished mix.

Residuals are samples of the difference between finished and rendered mix, pre-emphasised so that
low frequencies do not decide alone. Derivatives are finite differences: the strips are independent,
so a knob of a strip costs one render of that strip. What a strip changes of the buses is left out
of the derivatives, not of the mix: reverb and echoes are hardly correlated with the direct sound.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.console import Console, ConsoleGraph

PRE_EMPHASIS = 0.95
JACOBIAN_SIZE = 16_000_000  # elements: bounds the memory
MIN_ROWS, MAX_ROWS = 8_000, 100_000
BLOCK = 256  # samples of the mix that are compared, at random places
STEP, BUS_STEP = 1e-3, 1e-4  # of the finite differences, of a knob's travel


class Point(NamedTuple):
    """Positions of all strips with their sends, [N, Ps], and of the buses, [Pb]; float64.

    Also what belongs to each of them: a standard deviation, or whether it is free.
    """

    strips: Tensor
    buses: Tensor

    def select(self, free: "Point") -> Tensor:
        """The free entries as one vector."""
        return torch.cat([self.strips[free.strips], self.buses[free.buses]])

    def replace(self, free: "Point", values: Tensor) -> "Point":
        """With other values of the free entries."""
        strips, buses = self.strips.clone(), self.buses.clone()
        strips[free.strips], buses[free.buses] = torch.split(
            values, [int(free.strips.sum()), int(free.buses.sum())]
        )
        return Point(strips, buses)


class Rendered(NamedTuple):
    """stems: [N, 2, T] behind the strips. wet: [2, T] of all buses. rows: [R] of the mix."""

    stems: Tensor
    wet: Tensor
    rows: Tensor


class MixProblem:
    """Tracks [N, 2, T] and their finished mix [2, T] at one sample rate. The master is neutral."""

    def __init__(self, console: ConsoleGraph, tracks: Tensor, mix: Tensor, rate: int) -> None:
        self.console, self.tracks, self.mix, self.rate = console, tracks, mix, rate
        self.effects = len(console.strip.knobs)
        self.bus_names, self.sends = list(console.buses), list(console.sends)
        sizes = [len(own) for own in console.layout.buses.values()]
        self.bus_columns = dict(
            zip(self.bus_names, torch.split(torch.arange(sum(sizes)), sizes), strict=True)
        )
        rows = JACOBIAN_SIZE // (len(tracks) * len(console.layout.strip))
        blocks = min(max(rows, MIN_ROWS), MAX_ROWS) // (2 * BLOCK)  # of two channels
        self.size = min(BLOCK, mix.shape[-1])
        order = torch.randperm(
            mix.shape[-1] // self.size, generator=torch.Generator().manual_seed(0)
        )
        self.blocks = order[:blocks].sort().values
        self.target = self.rows(mix)

    def rows(self, audio: Tensor) -> Tensor:
        """Pre-emphasised samples of audio [..., 2, T] in the chosen blocks, [..., R]."""
        count = audio.shape[-1] // self.size
        whole = audio[..., : count * self.size]
        blocks = whole.reshape(*audio.shape[:-1], count, self.size)
        chosen = blocks.index_select(-2, self.blocks)
        return (chosen[..., 1:] - PRE_EMPHASIS * chosen[..., :-1]).flatten(-3)

    def strip(self, audio: Tensor, strips: Tensor) -> Tensor:
        """Stems [M, 2, T] of audio [M, 2, T] through strips [M, Ps]."""
        own = strips[:, : self.effects].to(audio)
        stems: Tensor = self.console.strip(audio, self.rate, own, limit=False)
        return stems

    def bus(self, name: str, audio: Tensor, positions: Tensor) -> Tensor:
        """Output of a bus, [M, 2, T]; positions: [M, P] or [P] of its knobs."""
        chain = self.console.buses[name]
        assert isinstance(chain, Console)
        own = positions.to(audio).expand(len(audio), -1)
        out: Tensor = chain(audio, self.rate, own, limit=False)
        return out

    def ratios(self, strips: Tensor) -> dict[str, Tensor]:
        """Amplitude ratio that each bus receives of each track, [N]."""
        sent = strips[:, self.effects :].unbind(1)
        return {
            name: knob.to_physical(own)
            for (name, knob), own in zip(self.console.sends.items(), sent, strict=True)
        }

    def render(
        self, point: Point, before: Rendered | None = None, track: int | None = None
    ) -> Rendered:
        """Render the mix. track: the only one that differs from `before`; buses are kept."""
        if before is not None and track is not None:
            own = self.strip(self.tracks[track : track + 1], point.strips[track : track + 1])
            stems = before.stems.clone()
            stems[track] = own[0]
            change = self.rows(own[0] - before.stems[track])
            return Rendered(stems, before.wet, before.rows + change)
        stems = self.strip(self.tracks, point.strips)
        wet = torch.zeros_like(self.mix)
        for name, ratio in self.ratios(point.strips).items():
            if (ratio > 0).any():
                wet = wet + self.bus(name, self._sent(ratio, stems), self._own(point, name))[0]
        return Rendered(stems, wet, self.rows(stems.sum(0) + wet))

    def remainder(self, rendered: Rendered) -> Tensor:
        """What the mix does not explain, [2, T]."""
        return self.mix - rendered.stems.sum(0) - rendered.wet

    def jacobian(self, point: Point, rendered: Rendered, free: Point) -> Tensor:
        """Derivatives of the rows to the free knobs, [V, R], in the order of `Point.select`."""
        parts = []
        from_sends = self._send_slopes(point, rendered, free)
        for track in free.strips.any(1).nonzero()[:, 0].tolist():
            columns = free.strips[track].nonzero()[:, 0]
            effects = columns[columns < self.effects]
            if len(effects):
                parts.append(self._strip_slopes(point, rendered, track, effects))
            parts += [
                from_sends[int(column)][track : track + 1] for column in columns[len(effects) :]
            ]
        for name, ratio in self.ratios(point.strips).items():
            columns = self.bus_columns[name]
            if free.buses[columns].any():
                own, audio = self._own(point, name), self._sent(ratio, rendered.stems)
                chosen = free.buses[columns].nonzero()[:, 0]
                moved, step = _moved(own, chosen, BUS_STEP)
                out = self.rows(self.bus(name, audio.expand(len(moved), -1, -1), moved))
                base = self.rows(self.bus(name, audio, own))
                parts.append((out - base) / step[:, None].to(out))
        return torch.cat(parts)

    def _strip_slopes(
        self, point: Point, rendered: Rendered, track: int, columns: Tensor
    ) -> Tensor:
        moved, step = _moved(point.strips[track], columns, STEP)
        audio = self.tracks[track].expand(len(columns), -1, -1)
        change = self.rows(self.strip(audio, moved)) - self.rows(rendered.stems[track])
        return change / step[:, None].to(change)

    def _send_slopes(self, point: Point, rendered: Rendered, free: Point) -> dict[int, Tensor]:
        """Derivatives to the sends: column → [N, R]."""
        slopes = {}
        for number, (name, knob) in enumerate(self.console.sends.items(), self.effects):
            if free.strips[:, number].any():
                out = self.rows(self.bus(name, rendered.stems, self._own(point, name)))
                travel = knob.to_physical(torch.ones(1)) - knob.to_physical(torch.zeros(1))
                slopes[number] = out * travel.to(out)
        return slopes

    def _own(self, point: Point, name: str) -> Tensor:
        return point.buses[self.bus_columns[name]]

    def _sent(self, ratio: Tensor, stems: Tensor) -> Tensor:
        return torch.einsum("n,nct->ct", ratio.to(stems), stems)[None]


def _moved(positions: Tensor, columns: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """Positions [V, P] with one knob moved in each row towards its middle, and the steps [V]."""
    steps = torch.where(positions[columns] < 0.5, step, -step)
    moved = positions.repeat(len(columns), 1)
    moved[torch.arange(len(columns)), columns] += steps
    return moved, steps
