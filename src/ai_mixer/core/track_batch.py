"""Examples and batches of songs with several tracks.

Shapes: B songs, N tracks, C channels, T samples. The knobs of a song are one flat vector
[N · Ps + R] in the order of `console.graph_knobs`: Ps of each track's strip, then R of the buses
and the master. Losses, system and evaluation treat them as the knobs of a one-file batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.core.types import Batch, Example

NO_ROLE = -1


class TrackFeatures(NamedTuple):
    """Input features of a model. tracks: [B, N, F], 0 where absent. song: [B, S]."""

    tracks: Tensor
    song: Tensor


@dataclass
class TrackExample(Example):
    """One training example of several tracks; the fields of `TrackBatch` without B.

    rough: the sum of the tracks. strip_knobs: number of knobs of one strip, Ps.
    """

    tracks: Tensor = None  # type: ignore[assignment]  # required; the base class has defaults
    track_mask: Tensor = None  # type: ignore[assignment]
    roles: Tensor = None  # type: ignore[assignment]
    raw_gain_db: Tensor = None  # type: ignore[assignment]
    strip_knobs: int = 0

    def pad_tracks(self, count: int) -> Self:
        """Return the example with `count` tracks; the further ones are absent and silent."""
        more = count - len(self.tracks)
        if not more:
            return self
        return replace(
            self,
            tracks=pad(self.tracks, (0, 0, 0, 0, 0, more)),
            track_mask=pad(self.track_mask, (0, more)),
            roles=pad(self.roles, (0, more), value=NO_ROLE),
            raw_gain_db=pad(self.raw_gain_db, (0, more)),
            knobs=self._pad_knobs(self.knobs, more),
            mask=self._pad_knobs(self.mask, more),
            unlabelled=self._pad_knobs(self.unlabelled, more),
        )

    def _pad_knobs(self, flat: Tensor, more: int) -> Tensor:
        strips = len(self.tracks) * self.strip_knobs
        return torch.cat([pad(flat[:strips], (0, more * self.strip_knobs)), flat[strips:]])


@dataclass
class TrackBatch(Batch):
    """Stacked examples of several tracks.

    tracks: [B, N, C, T], all tracks of a song at one loudness; silent where absent. track_mask:
    [B, N] bool. roles: [B, N], index into ROLES or −1. raw_gain_db: [B, N], the level at which each
    track was recorded, relative to `tracks`. knobs, mask: flat, see the module. track_features: set
    instead of the audio if only features were cached.
    """

    tracks: Tensor = None  # type: ignore[assignment]  # required; the base class has defaults
    track_mask: Tensor = None  # type: ignore[assignment]
    roles: Tensor = None  # type: ignore[assignment]
    raw_gain_db: Tensor = None  # type: ignore[assignment]
    track_features: TrackFeatures | None = None

    @classmethod
    def collate(cls, examples: Sequence[Example]) -> Self:
        """Stack examples of equal length and any number of tracks."""
        own = [example for example in examples if isinstance(example, TrackExample)]
        count = max(len(example.tracks) for example in own)
        return super().collate([example.pad_tracks(count) for example in own])

    def _map_tensors(self, change: Callable[[Tensor], Tensor]) -> Self:
        batch = super()._map_tensors(change)
        if self.track_features is None:
            return batch
        return replace(batch, track_features=TrackFeatures(*map(change, self.track_features)))
