"""A specialist for every genre, and somebody who hears which of them to ask.

Mixture of experts (Jacobs, Jordan, Nowlan & Hinton, Neural Computation 3, 1991) whose gate knows
what it chooses between: it names the genre. What all specialists see is shared; each has a head of
its own. They are blended by the probabilities, so a song between two genres is mixed between two
styles, and where the probabilities move slowly over a song so do the knobs.
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

    channels: width of the first layer, a multiple of 8; blocks: residual blocks, each halves the
    picture. It names the genre whether or not the loss asks for it; without the term `genre` the
    specialists are whatever the gate finds useful.
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
        """[B, 6, mels, frames] → [B, 2 · width], mean and peak of each channel."""
        return mean_and_peak(self.tower(log_mel))

    def predict_knobs(
        self, backbone_features: Tensor, statistics_features: Tensor, condition: Tensor
    ) -> Tensor:
        """Every specialist's knobs, by the probability of its genre: → [B, P]"""
        both = torch.cat([backbone_features, statistics_features], dim=-1)
        assert self.genre is not None
        knobs = torch.stack([specialist(both) for specialist in self.specialists], dim=1)
        return (self.genre(both).softmax(-1)[..., None] * knobs).sum(1)
