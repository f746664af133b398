"""A transformer over the tracks of a song, without positions: any number, in any order.

Set Transformer: Lee et al., ICML 2019, without its inducing points: a song has few tracks.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad

from ai_mixer.core.track_batch import TrackBatch, TrackFeatures
from ai_mixer.core.types import CONDITIONS, Prediction
from ai_mixer.models.heads import PerConditionHead, UncertaintyHead, stretched_sigmoid
from ai_mixer.models.track_model import N_ROLES, TrackModel, role_index

MIN_DEVIATION = 1e-3  # of a feature, for its scale
MAX_DEVIATIONS = 6.0  # of a standardised feature


class MultitrackTransformer(TrackModel):
    """One encoder for all tracks, attention among them and a token of song and reference.

    A knob is a linear function of the features, plus what encoder and attention add. Features are
    standardised by their mean and deviation in the training examples (`prepare`).

    width, layers, heads: of the transformer. role_dropout: probability that the role of a track is
    withheld in training, so that roles may be missing. ValueError if it is outside 0–1.
    """

    track_scale: Tensor  # [2, F] mean and deviation
    song_scale: Tensor  # [2, S]

    def __init__(
        self,
        strip_knobs: int,
        song_knobs: int,
        sample_rate: int,
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        role_dropout: float = 0.3,
    ) -> None:
        super().__init__(strip_knobs, song_knobs, sample_rate)
        if not 0.0 <= role_dropout <= 1.0:
            raise ValueError(f"model.role_dropout must be 0 to 1, got {role_dropout}")
        self.role_dropout = role_dropout
        track, song = self.features.n_track, self.features.n_song
        for name, size in (("track_scale", track), ("song_scale", song)):
            self.register_buffer(name, torch.stack([torch.zeros(size), torch.ones(size)]))
        self.track_encoder = _perceptron(2 * track, width, dropout)
        self.song_encoder = _perceptron(song, width, dropout)
        self.role = nn.Embedding(N_ROLES, width)
        self.condition = nn.Embedding(len(CONDITIONS), width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.attention = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.drop = nn.Dropout(dropout)
        # Heads see the features of the track beside what attention has made of them.
        size = 2 * width
        self.strip_head = PerConditionHead(_Logits, 2 * track + N_ROLES + size, strip_knobs)
        self.song_head = PerConditionHead(_Logits, song + size, song_knobs)
        self.strip_uncertainty = PerConditionHead(UncertaintyHead, size, strip_knobs)
        self.song_uncertainty = PerConditionHead(UncertaintyHead, size, song_knobs)

    @torch.no_grad()
    def prepare(self, batches: Iterable[TrackBatch]) -> None:
        """Measure mean and deviation of the features."""
        tracks, songs = [], []
        for batch in batches:
            features = self.extract(batch)
            tracks.append(features.tracks[batch.track_mask])
            songs.append(features.song)
        for buffer, parts in ((self.track_scale, tracks), (self.song_scale, songs)):
            rows = torch.cat(parts).to(buffer)
            deviation = rows.std(0, correction=0)
            buffer.copy_(torch.stack([rows.mean(0), deviation.clamp_min(MIN_DEVIATION)]))

    def predict(
        self, features: TrackFeatures, mask: Tensor, roles: Tensor, condition: Tensor
    ) -> Prediction:
        """Knobs and uncertainty, flat [B, N · Ps + R]."""
        index = role_index(roles)
        if self.training:
            withheld = torch.rand(index.shape, device=index.device) < self.role_dropout
            index = index.masked_fill(withheld, N_ROLES - 1)
        own = _standardised(features.tracks, self.track_scale) * mask[..., None]
        mean = own.sum(1, keepdim=True) / mask.sum(1)[:, None, None]
        own = torch.cat([own, own - mean], -1)
        whole = _standardised(features.song, self.song_scale)
        encoded, song = self.track_encoder(own), self.song_encoder(whole)
        song = song + self.condition(condition)
        tokens = torch.cat(
            [song[:, None], encoded + self.role(index) + self.condition(condition)[:, None]], 1
        )
        absent = pad(~mask, (1, 0))  # the token of the song is always present
        mixed = self.drop(self.attention(tokens, src_key_padding_mask=absent))
        songs = torch.cat([mixed[:, 0], song], -1)
        tracks = torch.cat([mixed[:, 1:], encoded], -1)
        known = torch.cat([own, one_hot(index, N_ROLES).to(own), tracks], -1)
        per_track = condition[:, None].expand_as(index).flatten()

        def flat(strip: nn.Module, x: Tensor, whole: nn.Module, y: Tensor) -> Tensor:
            strips = strip(x.flatten(0, 1), condition=per_track)
            return torch.cat([strips.reshape(len(y), -1), whole(y, condition=condition)], 1)

        logits = flat(self.strip_head, known, self.song_head, torch.cat([whole, songs], -1))
        uncertainty = flat(self.strip_uncertainty, tracks, self.song_uncertainty, songs)
        return Prediction(stretched_sigmoid(logits), uncertainty)


class _Logits(nn.Linear):
    """Linear layer with small initial outputs."""

    def __init__(self, features: int, n_knobs: int) -> None:
        super().__init__(features, n_knobs)
        nn.init.normal_(self.weight, std=0.001)
        nn.init.zeros_(self.bias)


def _standardised(features: Tensor, scale: Tensor) -> Tensor:
    mean, deviation = scale
    return ((features - mean) / deviation).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)


def _perceptron(inputs: int, width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 2 * width),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(2 * width, width),
    )
