"""Base classes of models of several tracks."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ai_mixer.core.track import ROLES
from ai_mixer.core.track_batch import TrackBatch, TrackFeatures
from ai_mixer.core.types import Prediction
from ai_mixer.models.track_features import TrackFeatureExtractor

N_ROLES = len(ROLES) + 1  # the last one: not given


class TrackModel(nn.Module):
    """Tracks [B, N, C, T] → positions of all knobs, flat [B, N · Ps + R] (`core.track_batch`).

    strip_knobs: Ps, of each track. song_knobs: R, of buses and master. Any N; the order of the
    tracks changes nothing but the order of their knobs.
    """

    def __init__(self, strip_knobs: int, song_knobs: int, sample_rate: int) -> None:
        super().__init__()
        self.strip_knobs, self.song_knobs = strip_knobs, song_knobs
        self.features = TrackFeatureExtractor(sample_rate)

    @property
    def feature_config(self) -> tuple[int, int]:
        """Equal for models with equal features."""
        return self.features.feature_config

    def extract(self, batch: TrackBatch) -> TrackFeatures:
        """Features of a batch, those that it has if only they were cached; no trained weights."""
        if batch.track_features is not None:
            return batch.track_features
        return self.features(batch.tracks, batch.track_mask, batch.reference, batch.condition)

    def prepare(self, batches: Iterable[TrackBatch]) -> None:
        """Measure what the model needs of training examples before its first step."""

    def predict(
        self, features: TrackFeatures, mask: Tensor, roles: Tensor, condition: Tensor
    ) -> Prediction:
        """Knobs and uncertainty from features. mask: [B, N]; roles: [B, N], −1: not given."""
        raise NotImplementedError

    def forward(self, batch: TrackBatch) -> Prediction:
        """Knobs and uncertainty of a batch, flat."""
        features = self.extract(batch)
        return self.predict(features, batch.track_mask, batch.roles, batch.condition)


class ClosedFormTrackModel(TrackModel):
    """A model that is fitted to examples in one step; `fit` replaces the training."""

    fitted: Tensor

    def __init__(self, strip_knobs: int, song_knobs: int, sample_rate: int) -> None:
        super().__init__(strip_knobs, song_knobs, sample_rate)
        self.register_buffer("fitted", torch.tensor(False))
        # An optimiser needs a parameter. It has no gradient once the model is fitted.
        self.offset = nn.Parameter(torch.zeros(()))

    def fit(self, batches: Iterable[TrackBatch]) -> None:
        """Fit to batches of training examples."""
        raise NotImplementedError

    def flat(self, strips: Tensor, song: Tensor) -> Tensor:
        """Positions [B, N, Ps] and [B, R] as one flat vector, clamped to 0–1."""
        positions = torch.cat([strips.flatten(1), song], 1).clamp(0.0, 1.0)
        return positions + self.offset * (~self.fitted)


def role_index(roles: Tensor) -> Tensor:
    """Row of each role in a table of N_ROLES rows."""
    return roles.remainder(N_ROLES)
