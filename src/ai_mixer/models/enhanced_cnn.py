"""Deep residual CNN with channel weighting, and mean and maximum pooling.

The maximum keeps what the mean of the baseline CNN loses: the strength of a pattern at its
strongest (a transient, a resonance). Dropout of whole channels keeps a network of this depth from
memorising a small number of songs.
"""

from torch import Tensor

from ai_mixer.models.blocks import mean_and_peak, tower
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.heads import KnobHead
from ai_mixer.models.log_mel import LOG_MEL_CHANNELS
from ai_mixer.models.two_branch import TwoBranchModel


class EnhancedCNN(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions.

    channels: width of the first layer, a multiple of 8. blocks: number of residual blocks; each
    halves both axes, and the first two add `channels` to the width.
    """

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        channels: int = 24,
        blocks: int = 3,
        features: int = 128,
        dropout: float = 0.1,
        n_mels: int = 96,
        genre: bool = False,
    ) -> None:
        widths = [channels * min(1 + number, 3) for number in range(blocks + 1)]
        feature_extractor = FeatureExtractor(sample_rate, n_mels)
        super().__init__(n_knobs, feature_extractor, 2 * widths[-1], features, dropout, genre)
        self.tower = tower([LOG_MEL_CHANNELS, *widths], dropout)
        self.head = KnobHead(2 * widths[-1] + features, n_knobs)

    def backbone(self, log_mel: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, 2 · width], mean and maximum of each channel."""
        return mean_and_peak(self.tower(log_mel))
