"""Training examples of several tracks as rows, for baselines that are fitted to them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.models.track_model import TrackModel
from ai_mixer.training.system import expand_conditions


@dataclass(frozen=True)
class TrackTrainingSet:
    """Batches of training examples with features instead of audio, each under every condition."""

    batches: list[TrackBatch]

    @classmethod
    @torch.no_grad()
    def read(cls, loader: Iterable[TrackBatch], model: TrackModel) -> "TrackTrainingSet":
        """Read a loader once. model: any whose features are used."""
        return cls([_without_audio(batch, model) for batch in loader])


def _without_audio(batch: TrackBatch, model: TrackModel) -> TrackBatch:
    if not batch.has_audio:
        return batch
    batch = expand_conditions(batch)
    nothing = batch.rough[..., :0]
    return replace(
        batch,
        track_features=model.extract(batch),
        tracks=batch.tracks[..., :0],
        rough=nothing,
        finished=nothing,
        reference=nothing,
    )


def strip_rows(batch: TrackBatch, values: Tensor, strip_knobs: int) -> Tensor:
    """Values [B, N · Ps + R] of the strips of present tracks, [rows, Ps]."""
    tracks = batch.track_mask.shape[1]
    strips = values[:, : tracks * strip_knobs].reshape(len(values), tracks, strip_knobs)
    return strips[batch.track_mask]
