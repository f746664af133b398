"""Mean knobs by role: a baseline that does not listen."""

from collections.abc import Iterable

import torch
from torch import Tensor

from ai_mixer.core.track_batch import TrackBatch, TrackFeatures
from ai_mixer.core.types import Prediction
from ai_mixer.models.track_model import N_ROLES, ClosedFormTrackModel, role_index


class MultitrackMean(ClosedFormTrackModel):
    """The mean of each knob over the tracks of a role; of all tracks for a role never seen."""

    strip_mean: Tensor
    song_mean: Tensor

    def __init__(self, strip_knobs: int, song_knobs: int, sample_rate: int) -> None:
        super().__init__(strip_knobs, song_knobs, sample_rate)
        self.register_buffer("strip_mean", torch.full((N_ROLES, strip_knobs), 0.5))
        self.register_buffer("song_mean", torch.full((song_knobs,), 0.5))

    def extract(self, batch: TrackBatch) -> TrackFeatures:
        """No features."""
        return TrackFeatures(batch.tracks[..., 0, :0], batch.tracks[:, 0, 0, :0])

    def predict(
        self, features: TrackFeatures, mask: Tensor, roles: Tensor, condition: Tensor
    ) -> Prediction:
        """The means."""
        song = self.song_mean.expand(len(roles), -1)
        return Prediction(self.flat(self.strip_mean[role_index(roles)], song))

    def fit(self, batches: Iterable[TrackBatch]) -> None:
        """Average the targets."""
        sums = torch.zeros(2, N_ROLES, self.strip_knobs, dtype=torch.float64)
        songs = torch.zeros(2, self.song_knobs, dtype=torch.float64)
        for batch in batches:
            strips = batch.tracks.shape[1] * self.strip_knobs
            values = torch.stack([batch.knobs * batch.mask, batch.mask.float()]).double().cpu()
            songs += values[..., strips:].sum(1)
            rows = values[..., :strips].reshape(2, -1, self.strip_knobs)
            sums.index_add_(1, role_index(batch.roles).flatten().cpu(), rows)
        overall = _mean(sums.sum(1), torch.tensor(0.5))
        self.strip_mean.copy_(_mean(sums, overall))
        self.song_mean.copy_(_mean(songs, torch.tensor(0.5)))
        self.fitted.fill_(True)


def _mean(sums: Tensor, default: Tensor) -> Tensor:
    """Means of sums [2, …]: of the values, and how many they are; `default` where there is none."""
    total, count = sums
    return torch.where(count > 0, total / count.clamp_min(1.0), default.double())
