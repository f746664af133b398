"""The engineer at the analyser: compares two curves and looks at no picture.

A small perceptron over a few hundred numbers. Of the long-term levels it reads the rough's when
blind, and only by how much they differ where something is given: what is the same in both is the
song, which a network learns by heart where there are few. For the same reason neighbouring bands
are read together, and echoes, which tell of two knobs alone, softly (docs/decisions/0035).
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from ai_mixer.core.types import Features
from ai_mixer.models.feature_extractor import BLIND, FeatureExtractor
from ai_mixer.models.heads import KnobHead, PerConditionHead
from ai_mixer.models.two_branch import TwoBranchModel

LONG_TERM_SCALE, CEPSTRUM_SCALE = (
    2.0,
    0.1,
)  # long-term levels, echoes: a feature's size is its speed of learning


class Analyser(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions.

    features: width of the perceptron; mels_a_band: neighbouring mel bands that are read as one, a
    divisor of n_mels. ValueError if it is none.
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
        bands, levels = (
            feature_extractor.sizes["long_term"] // (3 * mels_a_band),
            2 * feature_extractor.sizes["levels"] // 3,
        )
        rest = (feature_extractor.sizes[name] for name in ("measured", "compressor", "echoes"))
        n_statistics = bands + levels + sum(rest)
        super().__init__(n_knobs, feature_extractor, 0, features, dropout, genre, n_statistics)
        self.mels_a_band = mels_a_band
        self.head = PerConditionHead(KnobHead, features, n_knobs)

    def encode(self, features: Features, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Nothing, [B, 0], and what the compared statistics say, [B, features]."""
        selected_statistics = self.selected_statistics(features.statistics, condition)
        return selected_statistics[:, :0], self.statistics(selected_statistics, condition)

    def predict_knobs(
        self, backbone_features: Tensor, statistics_features: Tensor, condition: Tensor
    ) -> Tensor:
        """Each condition by a head of its own: [B, features] → [B, P]"""
        return self.head(statistics_features, condition=condition)

    def selected_statistics(self, statistics: Tensor, condition: Tensor) -> Tensor:
        """Of all statistics [B, S] those that are read: [B, n_read].

        Long-term levels of mid and side in bands (the rough's when blind, else the difference);
        levels by quantile of the rough, and their difference; what was measured; echoes.
        """
        named_statistics = self.front_end.named_statistics(statistics)
        rough, _, difference = named_statistics["long_term"].chunk(3, 1)
        long_term = torch.where(condition[:, None] == BLIND, rough, difference)
        levels, _, level_difference = named_statistics["levels"].chunk(3, 1)
        statistics_features = [
            LONG_TERM_SCALE * avg_pool1d(long_term, self.mels_a_band),
            levels,
            level_difference,
            named_statistics["measured"],
            named_statistics["compressor"],
            CEPSTRUM_SCALE * named_statistics["echoes"],
        ]
        return torch.cat(statistics_features, dim=1)
