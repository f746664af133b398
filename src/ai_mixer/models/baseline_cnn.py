"""Plain convolutional network over log-mel spectrograms: small and fast.

Four strided 3×3 blocks, averaged over time and frequency, concatenated with the features of the
excerpt's statistics.
"""

from torch import Tensor, nn

from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.heads import KnobHead
from ai_mixer.models.log_mel import LOG_MEL_CHANNELS
from ai_mixer.models.two_branch import TwoBranchModel


class BaselineCNN(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions.

    channels: width of the first block; later blocks double it up to 4 · channels.
    """

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        channels: int = 24,
        features: int = 128,
        dropout: float = 0.1,
        n_mels: int = 96,
        genre: bool = False,
    ) -> None:
        widths = [LOG_MEL_CHANNELS, channels, 2 * channels, 4 * channels, 4 * channels]
        feature_extractor = FeatureExtractor(sample_rate, n_mels)
        super().__init__(n_knobs, feature_extractor, widths[-1], features, dropout, genre)
        self.blocks = nn.Sequential(*map(_block, widths[:-1], widths[1:]))
        self.head = KnobHead(widths[-1] + features, n_knobs)

    def backbone(self, log_mel: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, 4 · channels]."""
        return self.blocks(log_mel).mean((-2, -1))


def _block(width_in: int, width_out: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, stride=2, padding=1),
        nn.GroupNorm(8, width_out),
        nn.GELU(),
    )
