"""CNN with short, medium and long kernels in parallel, and attention with one query per knob.

Three branches convolve the log-mel spectrogram with kernels of 3 frames (280 ms: transients),
7 frames (650 ms: texture) and 15 frames (1.4 s: tonality). Attention with one learned query per
knob (Vaswani et al., 2017, section 3.2) then pools the result, so that the knob for the bass can
use other regions than the one for the presence.
"""

import torch
from torch import Tensor, nn

from ai_mixer.models.blocks import GROUPS, ResidualBlock
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.heads import PerKnobHead
from ai_mixer.models.log_mel import LOG_MEL_CHANNELS
from ai_mixer.models.two_branch import TwoBranchModel

KERNELS = (3, 7, 15)  # frames of 93 ms


class BalancedCNN(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions.

    channels: width of each of the three branches, a multiple of 8. heads: number of attention
    heads; ValueError if it does not divide 3 · channels.
    """

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        channels: int = 16,
        heads: int = 4,
        features: int = 128,
        dropout: float = 0.1,
        n_mels: int = 96,
        genre: bool = False,
    ) -> None:
        width = 3 * channels
        if width % heads:
            raise ValueError(f"balanced_cnn: heads={heads} must divide 3 · channels={width}")
        feature_extractor = FeatureExtractor(sample_rate, n_mels)
        super().__init__(n_knobs, feature_extractor, width, features, dropout, genre)
        self.branches = nn.ModuleList(_branch(channels, kernel) for kernel in KERNELS)
        self.blocks = nn.Sequential(*(ResidualBlock(width, width, dropout) for _ in range(3)))
        self.questions = nn.Parameter(torch.randn(n_knobs, width) * 0.02)
        self.band = nn.Linear(1, width)  # positional encoding along frequency
        self.attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.head = PerKnobHead(width, features, n_knobs)

    def backbone(self, log_mel: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, P, width], features for each knob."""
        branches = torch.cat([branch(log_mel) for branch in self.branches], dim=1)
        grid = self.blocks(branches)  # [B, width, bands, steps]
        height = torch.linspace(-1.0, 1.0, grid.shape[2], device=grid.device)[:, None]
        keys = (grid + self.band(height).T[..., None]).flatten(2).transpose(1, 2)
        queries = self.questions.expand(len(grid), -1, -1)
        return self.attention(queries, keys, keys, need_weights=False)[0]

    def predict_knobs(
        self, backbone_features: Tensor, statistics_features: Tensor, condition: Tensor
    ) -> Tensor:
        """[B, P, width], [B, features] → [B, P]."""
        return self.head(backbone_features, statistics_features)


def _branch(channels: int, kernel: int) -> nn.Module:
    """Strided convolution over `kernel` frames: halves both axes."""
    return nn.Sequential(
        nn.Conv2d(LOG_MEL_CHANNELS, channels, (3, kernel), stride=2, padding=(1, kernel // 2)),
        nn.GroupNorm(GROUPS, channels),
        nn.GELU(),
    )
