"""Mixture of experts with one expert per genre, gated by a genre classifier.

Jacobs, Jordan, Nowlan & Hinton, Neural Computation 3, 1991. The experts share the backbone; each
has its own head. Their knobs are averaged with the genre probabilities as weights, so a song
between two genres gets knobs between those of two experts, and knobs change as slowly over a song
as the probabilities do.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import GENRES
from ai_mixer.models.blocks import mean_and_peak, tower
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.heads import KnobHead
from ai_mixer.models.log_mel import LOG_MEL_CHANNELS
from ai_mixer.models.two_branch import TwoBranchModel


class GenreEnsemble(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions.

    channels: width of the first layer, a multiple of 8. blocks: number of residual blocks; each
    halves both axes. The model always predicts genre logits; without the loss term `genre` the gate
    is not tied to genres.
    """

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        channels: int = 16,
        blocks: int = 3,
        features: int = 128,
        dropout: float = 0.1,
        n_mels: int = 96,
    ) -> None:
        widths = [channels * min(1 + number, 3) for number in range(blocks + 1)]
        backbone_features, feature_extractor = 2 * widths[-1], FeatureExtractor(sample_rate, n_mels)
        super().__init__(
            n_knobs, feature_extractor, backbone_features, features, dropout, genre=True
        )
        self.tower = tower([LOG_MEL_CHANNELS, *widths], dropout)
        self.specialists = nn.ModuleList(
            KnobHead(backbone_features + features, n_knobs) for _ in GENRES
        )

    def backbone(self, log_mel: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, 2 · width], mean and maximum of each channel."""
        return mean_and_peak(self.tower(log_mel))

    def predict_knobs(
        self, backbone_features: Tensor, statistics_features: Tensor, condition: Tensor
    ) -> Tensor:
        """Mean of the experts' knobs [B, P], weighted by genre probability."""
        both = torch.cat([backbone_features, statistics_features], dim=-1)
        assert self.genre is not None
        knobs = torch.stack([specialist(both) for specialist in self.specialists], dim=1)
        return (self.genre(both).softmax(-1)[..., None] * knobs).sum(1)
