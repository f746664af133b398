"""Nearest neighbour for several tracks: the knobs of the most similar training track."""

import torch
from torch import Tensor

from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.baselines.track_training_set import TrackTrainingSet, strip_rows
from ai_mixer.models.multitrack_ridge import MIN_DEVIATION, MultitrackRidge

NO_TARGET = 0.5


class _Rows:
    """Inputs [M, F], knobs and their masks [M, P] under one condition; inputs are standardised."""

    def __init__(self, inputs: Tensor, knobs: Tensor, mask: Tensor) -> None:
        self.mean, deviation = inputs.mean(0), inputs.std(0, correction=0)
        safe = deviation.clamp_min(MIN_DEVIATION)
        self.scale = torch.where(deviation > MIN_DEVIATION, 1.0 / safe, 0.0)
        self.inputs, self.knobs, self.mask = self._standardised(inputs), knobs, mask

    def _standardised(self, inputs: Tensor) -> Tensor:
        return (inputs - self.mean) * self.scale

    def nearest(self, inputs: Tensor) -> Tensor:
        """Each knob of the nearest row that has a target of it: [n, F] → [n, P]."""
        distances = torch.cdist(self._standardised(inputs), self.inputs)
        out = inputs.new_full((len(inputs), self.knobs.shape[1]), NO_TARGET)
        for knob in range(self.knobs.shape[1]):
            valid = self.mask[:, knob]
            if valid.any():
                out[:, knob] = self.knobs[valid, knob][distances[:, valid].argmin(1)]
        return out


class TrackNeighbour:
    """Nearest neighbour in the standardised inputs of `multitrack_ridge`, for each condition.

    A knob without a target in the nearest track is that of the next one that has it. Knobs of buses
    and master are those of the nearest song.
    """

    def __init__(self, model: MultitrackRidge, examples: TrackTrainingSet) -> None:
        self.model = model
        parts: dict[int, list[tuple[Tensor, ...]]] = {}
        for batch in examples.batches:
            for condition in sorted(set(batch.condition.tolist())):
                own = batch.condition == condition
                parts.setdefault(condition, []).append(self._rows(batch, own))
        self.strips: dict[int, _Rows] = {}
        self.songs: dict[int, _Rows] = {}
        for condition, rows in parts.items():
            columns = [torch.cat(part) for part in zip(*rows, strict=True)]
            self.strips[condition], self.songs[condition] = _Rows(*columns[:3]), _Rows(*columns[3:])

    def __call__(self, batch: TrackBatch) -> Tensor:
        """Flat positions [B, P] of a batch under one condition."""
        condition = int(batch.condition[0])
        if condition not in self.strips:
            raise ValueError(f"no training example under {CONDITIONS[condition]!r}")
        per_track, per_song = self._inputs(batch)
        strips = self.strips[condition].nearest(per_track.flatten(0, 1))
        song = self.songs[condition].nearest(per_song)
        return torch.cat([strips.reshape(len(batch), -1), song], 1)

    def _inputs(self, batch: TrackBatch) -> tuple[Tensor, Tensor]:
        features = self.model.extract(batch)
        return self.model.inputs(features, batch.track_mask, batch.roles)

    def _rows(self, batch: TrackBatch, own: Tensor) -> tuple[Tensor, ...]:
        """Rows of tracks and of songs of the examples under one condition."""
        per_track, per_song = self._inputs(batch)
        size = self.model.strip_knobs
        present = batch.track_mask & own[:, None]
        chosen = present[batch.track_mask]
        strips = [strip_rows(batch, x, size)[chosen] for x in (batch.knobs, batch.mask)]
        others = batch.track_mask.shape[1] * size
        song = [x[own, others:] for x in (batch.knobs, batch.mask)]
        return per_track[present], *strips, per_song[own], *song
