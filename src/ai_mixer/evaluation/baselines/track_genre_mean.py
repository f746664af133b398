"""Mean knobs by role and genre: a baseline of several tracks that does not listen."""

import torch
from torch import Tensor

from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import GENRES
from ai_mixer.evaluation.baselines.track_training_set import TrackTrainingSet, strip_rows
from ai_mixer.models.multitrack_mean import MultitrackMean
from ai_mixer.models.track_model import N_ROLES, role_index

MIN_TRACKS = 5  # of a role and genre, for a mean of its own
N_GENRES = len(GENRES) + 1  # the last one: unknown


class TrackGenreMean:
    """The mean of each knob over the tracks of a role and genre.

    The mean by role (`multitrack_mean`) where fewer than MIN_TRACKS tracks have a target. Knobs of
    buses and master: the mean of all songs.
    """

    def __init__(self, model: MultitrackMean, examples: TrackTrainingSet) -> None:
        model.fit(examples.batches)
        self.model = model
        sums = torch.zeros(2, N_GENRES * N_ROLES, model.strip_knobs, dtype=torch.float64)
        for batch in examples.batches:
            values = batch.knobs * batch.mask, batch.mask.float()
            rows = torch.stack([strip_rows(batch, x, model.strip_knobs) for x in values]).double()
            sums.index_add_(1, _group(batch)[batch.track_mask], rows)
        total, count = sums
        by_role = model.strip_mean.double().repeat(N_GENRES, 1)
        self.means = torch.where(count >= MIN_TRACKS, total / count.clamp_min(1.0), by_role).float()

    @torch.no_grad()
    def __call__(self, batch: TrackBatch) -> Tensor:
        """Flat positions [B, P]."""
        song = self.model.song_mean.expand(len(batch), -1)
        return torch.cat([self.means[_group(batch)].flatten(1), song], 1)


def _group(batch: TrackBatch) -> Tensor:
    """Row of the genre and role of each track, [B, N]."""
    return batch.genre.remainder(N_GENRES)[:, None] * N_ROLES + role_index(batch.roles)
