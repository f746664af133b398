"""Ridge regression from features of tracks to knobs, one for each condition."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ai_mixer.core.track_batch import TrackBatch, TrackFeatures
from ai_mixer.core.types import CONDITIONS, Prediction
from ai_mixer.models.track_model import N_ROLES, ClosedFormTrackModel, role_index

MIN_UNCERTAINTY = 1e-3
MIN_DEVIATION = 1e-3  # of a feature that is used: a weight on a smaller one amplifies rounding


class MultitrackRidge(ClosedFormTrackModel):
    """Linear in the features of a track, also relative to the song's tracks, and in its role.

    What a track is by itself is summarised (`TrackFeatureExtractor.compact`): with all bands the
    error of the level of real tracks was 0.4 dB larger.

    alpha: strength of the ridge, in examples of standardised features. Uncertainty: the mean
    absolute residual of the fit.
    """

    strip_weight: Tensor
    song_weight: Tensor
    strip_error: Tensor
    song_error: Tensor

    def __init__(
        self, strip_knobs: int, song_knobs: int, sample_rate: int, alpha: float = 100.0
    ) -> None:
        super().__init__(strip_knobs, song_knobs, sample_rate)
        self.alpha = alpha
        track, song = self.features.n_compact, self.features.n_song
        sizes = {"strip": (2 * track + N_ROLES + 2, strip_knobs)}
        sizes["song"] = (track + song + 1, song_knobs)
        for name, (inputs, outputs) in sizes.items():
            weight = torch.zeros(len(CONDITIONS), inputs, outputs)
            weight[:, -1] = 0.5
            self.register_buffer(f"{name}_weight", weight)
            self.register_buffer(f"{name}_error", torch.full((len(CONDITIONS), outputs), 0.25))

    def predict(
        self, features: TrackFeatures, mask: Tensor, roles: Tensor, condition: Tensor
    ) -> Prediction:
        """Linear prediction, clamped to 0–1."""
        per_track, per_song = self.inputs(features, mask, roles)
        strips = torch.einsum("bnf,bfp->bnp", per_track, self.strip_weight[condition])
        song = torch.einsum("bf,bfp->bp", per_song, self.song_weight[condition])
        errors = self.strip_error[condition][:, None].expand_as(strips)
        uncertainty = torch.cat([errors.flatten(1), self.song_error[condition]], 1)
        return Prediction(self.flat(strips, song), uncertainty)

    def fit(self, batches: Iterable[TrackBatch]) -> None:
        """Least squares with a ridge for each condition and knob, over its unmasked targets."""
        rows: dict[str, list[tuple[Tensor, ...]]] = {"strip": [], "song": []}
        for batch in batches:
            features = self.extract(batch)
            per_track, per_song = self.inputs(features, batch.track_mask, batch.roles)
            present, count = batch.track_mask, batch.tracks.shape[1]
            sizes = [count * self.strip_knobs, self.song_knobs]
            knobs, mask = (torch.split(x, sizes, dim=1) for x in (batch.knobs, batch.mask))
            shape = (len(batch), count, self.strip_knobs)
            conditions = batch.condition[:, None].expand(-1, count)
            rows["strip"].append(
                (
                    per_track[present],
                    knobs[0].reshape(shape)[present],
                    mask[0].reshape(shape)[present],
                    conditions[present],
                )
            )
            rows["song"].append((per_song, knobs[1], mask[1], batch.condition))
        for name, parts in rows.items():
            x, y, valid, condition = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
            for number in range(len(CONDITIONS)):
                own = condition == number
                if own.any():
                    weight, error = _solve(x[own], y[own], valid[own], self.alpha)
                    self.get_buffer(f"{name}_weight")[number] = weight
                    self.get_buffer(f"{name}_error")[number] = error
        self.fitted.fill_(True)

    def inputs(self, features: TrackFeatures, mask: Tensor, roles: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs of the regressions per track [B, N, ·] and per song [B, ·], the last one 1."""
        tracks = self.features.compact(features.tracks) * mask[..., None]
        count = mask.sum(1, keepdim=True).to(tracks)
        mean = tracks.sum(1) / count
        role = one_hot(role_index(roles), N_ROLES).to(tracks)
        shape = (*mask.shape, 1)
        shared = [count[:, None].expand(shape).log2(), torch.ones_like(tracks[..., :1])]
        per_song = torch.cat([mean, features.song, torch.ones_like(count)], 1)
        return torch.cat([tracks, tracks - mean[:, None], role, *shared], -1), per_song


def _solve(x: Tensor, y: Tensor, valid: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Weights [F, P] and mean absolute residuals [P]. 0.5 and 0.25 for a knob without targets."""
    x, y = x.double(), y.double()
    weights = torch.zeros(x.shape[1], y.shape[1], dtype=torch.float64)
    weights[-1] = 0.5
    errors = torch.full((y.shape[1],), 0.25, dtype=torch.float64)
    for knob in range(y.shape[1]):
        rows, target = x[valid[:, knob]], y[valid[:, knob], knob]
        if not len(rows):
            continue
        mean, deviation = rows[:, :-1].mean(0), rows[:, :-1].std(0, correction=0)
        varies = deviation > MIN_DEVIATION
        scale = torch.where(varies, 1.0 / deviation.clamp_min(MIN_DEVIATION), 0.0)
        z, centre = (rows[:, :-1] - mean) * scale, target.mean()
        gram = z.T @ z + alpha * torch.eye(z.shape[1], dtype=z.dtype)
        weight = scale * torch.linalg.solve(gram, z.T @ (target - centre))
        weights[:-1, knob], weights[-1, knob] = weight, centre - mean @ weight
        errors[knob] = (rows @ weights[:, knob] - target).abs().mean().clamp_min(MIN_UNCERTAINTY)
    return weights.float(), errors.float()
