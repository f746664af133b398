"""Knobs of a graph of strips, buses and a master, and their names in a flat vector."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from ai_mixer.core.knob import Knob
from ai_mixer.core.track import MAX_TRACKS


class GraphKnobs(NamedTuple):
    """Positions 0–1 of all knobs.

    strips: [B, N, Ps], of the effects of each track's strip, then its sends. buses: [B, Pb], bus
    after bus. master: [B, Pm].
    """

    strips: Tensor
    buses: Tensor
    master: Tensor

    def flat(self) -> Tensor:
        """All positions as one vector per song, [B, N · Ps + Pb + Pm], in the order of names."""
        return torch.cat([self.strips.flatten(1), self.buses, self.master], dim=1)

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        return type(self)(*(part.to(device) for part in self))


class KnobLayout(NamedTuple):
    """Knobs of each part of a graph. buses: name → knobs."""

    strip: Sequence[Knob]
    buses: Mapping[str, Sequence[Knob]]
    master: Sequence[Knob]

    def names(self, tracks: int) -> list[str]:
        """Names in a flat vector: `strip.pan[3]` of the fourth track, `reverb.decay_s`."""
        return [
            *(f"strip.{knob.name}[{track}]" for track in range(tracks) for knob in self.strip),
            *(f"{bus}.{knob.name}" for bus, knobs in self.buses.items() for knob in knobs),
            *(f"master.{knob.name}" for knob in self.master),
        ]

    def from_flat(self, positions: Tensor) -> GraphKnobs:
        """Divide a flat vector [B, P]. ValueError if P does not fit a number of tracks."""
        positions = torch.as_tensor(positions)
        size, rest = len(self.strip), self.bus_knobs + len(self.master)
        columns = positions.shape[1] - rest if positions.dim() == 2 else -1
        if columns < size or columns % size or columns // size > MAX_TRACKS:
            raise ValueError(
                f"knobs must be [B, {size} · N + {rest}] for 1–{MAX_TRACKS} tracks, "
                f"got {list(positions.shape)}"
            )
        sizes = [columns, self.bus_knobs, len(self.master)]
        strips, buses, master = torch.split(positions, sizes, dim=1)
        return GraphKnobs(strips.reshape(len(positions), -1, size), buses, master)

    @property
    def bus_knobs(self) -> int:
        """Number of knobs of all buses."""
        return sum(map(len, self.buses.values()))

    def check_shapes(self, knobs: GraphKnobs, songs: int, tracks: int) -> None:
        """ValueError that names the part for knobs of other shapes."""
        expected = {
            "strips": [songs, tracks, len(self.strip)],
            "buses": [songs, self.bus_knobs],
            "master": [songs, len(self.master)],
        }
        for (name, shape), part in zip(expected.items(), knobs, strict=True):
            if list(part.shape) != shape:
                raise ValueError(f"knobs.{name} must be {shape}, got {list(part.shape)}")
