"""A transformer over the tracks of a song, without positions: any number, in any order.

Set Transformer: Lee et al., ICML 2019, without its inducing points: a song has few tracks.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS, Prediction
from ai_mixer.models.heads import KnobHead, PerConditionHead, UncertaintyHead
from ai_mixer.models.track_features import TrackFeatures
from ai_mixer.models.track_model import N_ROLES, TrackModel, role_index


class MultitrackTransformer(TrackModel):
    """One encoder for all tracks, attention among them and a token of song and reference.

    width, layers, heads: of the transformer. role_dropout: probability that the role of a track is
    withheld in training, so that roles may be missing. ValueError if it is outside 0–1.
    """

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
        self.track_encoder = _perceptron(self.features.n_track, width, dropout)
        self.song_encoder = _perceptron(self.features.n_song, width, dropout)
        self.role = nn.Embedding(N_ROLES, width)
        self.condition = nn.Embedding(len(CONDITIONS), width)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.attention = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        # Heads see the features of the track beside what attention has made of them.
        size = 2 * width
        self.strip_head = PerConditionHead(KnobHead, size, strip_knobs)
        self.song_head = PerConditionHead(KnobHead, size, song_knobs)
        self.strip_uncertainty = PerConditionHead(UncertaintyHead, size, strip_knobs)
        self.song_uncertainty = PerConditionHead(UncertaintyHead, size, song_knobs)

    def predict(
        self, features: TrackFeatures, mask: Tensor, roles: Tensor, condition: Tensor
    ) -> Prediction:
        """Knobs and uncertainty, flat [B, N · Ps + R]."""
        index = role_index(roles)
        if self.training:
            withheld = torch.rand(index.shape, device=index.device) < self.role_dropout
            index = index.masked_fill(withheld, N_ROLES - 1)
        encoded = self.track_encoder(features.tracks)
        song = self.song_encoder(features.song) + self.condition(condition)
        tokens = torch.cat(
            [song[:, None], encoded + self.role(index) + self.condition(condition)[:, None]], 1
        )
        absent = nn.functional.pad(~mask, (1, 0))  # the token of the song is always present
        mixed = self.attention(tokens, src_key_padding_mask=absent)
        songs = torch.cat([mixed[:, 0], song], -1)
        tracks = torch.cat([mixed[:, 1:], encoded], -1)
        per_track = condition[:, None].expand_as(index).flatten()

        def flat(strip: nn.Module, whole: nn.Module) -> Tensor:
            strips = strip(tracks.flatten(0, 1), condition=per_track)
            return torch.cat([strips.reshape(len(songs), -1), whole(songs, condition=condition)], 1)

        return Prediction(
            flat(self.strip_head, self.song_head),
            flat(self.strip_uncertainty, self.song_uncertainty),
        )


def _perceptron(inputs: int, width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 2 * width),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(2 * width, width),
    )
