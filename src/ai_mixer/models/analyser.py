"""A perceptron over the excerpt's statistics, without a spectrogram branch.

Its input is a few hundred numbers. In the blind condition it uses the long-term levels of the
rough; in the other conditions only their difference to the reference: what both have in common is
the song, which a network memorises when there are few songs. For the same reason neighbouring bands
are averaged, and the cepstrum, which is informative for two knobs only, is scaled down
(docs/decisions/0035).
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from ai_mixer.core.types import Features
from ai_mixer.models.feature_extractor import BLIND, FeatureExtractor
from ai_mixer.models.heads import KnobHead, PerConditionHead
from ai_mixer.models.two_branch import TwoBranchModel

# The scale of a feature determines how fast it is learned.
LONG_TERM_SCALE, CEPSTRUM_SCALE = 2.0, 0.1


class Analyser(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions.

    features: width of the perceptron. mels_a_band: number of neighbouring mel bands that are
    averaged; ValueError if it does not divide n_mels.
    """

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        features: int = 128,
        mels_a_band: int = 3,
        dropout: float = 0.1,
        n_mels: int = 96,
        genre: bool = False,
    ) -> None:
        if mels_a_band < 1 or n_mels % mels_a_band:
            raise ValueError(f"analyser: mels_a_band={mels_a_band} must divide n_mels={n_mels}")
        feature_extractor = FeatureExtractor(sample_rate, n_mels)
        sizes = feature_extractor.sizes
        bands, levels = sizes["long_term"] // (3 * mels_a_band), 2 * sizes["levels"] // 3
        others = sizes["system_response"] + sizes["compressor"] + sizes["cepstrum"]
        n_statistics = bands + levels + others
        super().__init__(n_knobs, feature_extractor, 0, features, dropout, genre, n_statistics)
        self.mels_a_band = mels_a_band
        self.head = PerConditionHead(KnobHead, features, n_knobs)

    def encode(self, features: Features, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Empty backbone features [B, 0] and statistics features [B, features]."""
        selected = self.selected_statistics(features.statistics, condition)
        return selected[:, :0], self.statistics(selected, condition)

    def predict_knobs(
        self, backbone_features: Tensor, statistics_features: Tensor, condition: Tensor
    ) -> Tensor:
        """One head per condition: [B, features] → [B, P]."""
        return self.head(statistics_features, condition=condition)

    def selected_statistics(self, statistics: Tensor, condition: Tensor) -> Tensor:
        """Select the model's inputs from all statistics: [B, S] → [B, n_statistics].

        Long-term levels of mid and side per band (of the rough when blind, else the difference);
        level quantiles of the rough, and their difference; system response; compressor estimate;
        cepstrum.
        """
        named = self.front_end.named_statistics(statistics)
        rough, _, difference = named["long_term"].chunk(3, 1)
        long_term = torch.where(condition[:, None] == BLIND, rough, difference)
        levels, _, level_difference = named["levels"].chunk(3, 1)
        selected = [
            LONG_TERM_SCALE * avg_pool1d(long_term, self.mels_a_band),
            levels,
            level_difference,
            named["system_response"],
            named["compressor"],
            CEPSTRUM_SCALE * named["cepstrum"],
        ]
        return torch.cat(selected, dim=1)
