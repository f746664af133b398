"""Residual CNN followed by self-attention over its time–frequency grid.

Convolutions detect local patterns; self-attention relates distant ones, such as the bass of the
chorus to that of the verse. Each knob has its own head.
"""

import torch
from torch import Tensor, nn

from ai_mixer.models.blocks import tower
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.heads import PerKnobHead
from ai_mixer.models.log_mel import LOG_MEL_CHANNELS
from ai_mixer.models.positional_encoding import time_positional_encoding
from ai_mixer.models.two_branch import TwoBranchModel

N_DOWNSAMPLINGS = 4  # first layer and three blocks: a grid cell is 16 mels × 16 frames (1.5 s)


class AttentionCNN(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions.

    channels: width of the first layer, a multiple of 8 and of `heads`. depth: number of attention
    layers over the grid, of width 4 · channels.
    """

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        channels: int = 24,
        depth: int = 2,
        heads: int = 4,
        features: int = 128,
        dropout: float = 0.1,
        n_mels: int = 96,
        genre: bool = False,
    ) -> None:
        width = 4 * channels
        feature_extractor = FeatureExtractor(sample_rate, n_mels)
        super().__init__(n_knobs, feature_extractor, width, features, dropout, genre)
        widths = [channels, channels, 2 * channels, width]
        self.tower = tower([LOG_MEL_CHANNELS, *widths], dropout)
        bands = -(-n_mels // 2**N_DOWNSAMPLINGS)
        self.band_position = nn.Parameter(torch.randn(width, bands, 1) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.talk = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = PerKnobHead(width, features, n_knobs)
        self.n_knobs = n_knobs

    def backbone(self, log_mel: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, width]."""
        grid = self.tower(log_mel)
        grid = grid + self.band_position + time_positional_encoding(grid)
        return self.talk(grid.flatten(2).transpose(1, 2)).mean(1)

    def predict_knobs(
        self, backbone_features: Tensor, statistics_features: Tensor, condition: Tensor
    ) -> Tensor:
        """[B, width], [B, features] → [B, P]."""
        per_knob = backbone_features[:, None].expand(-1, self.n_knobs, -1)
        return self.head(per_knob, statistics_features)
