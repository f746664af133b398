"""Base class of the networks: a backbone over log-mel spectrograms and an encoder of statistics.

The features of both branches are concatenated, so the backbone only has to learn what the
statistics do not contain.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import GENRES, Features, Prediction
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.feature_model import FeatureModel
from ai_mixer.models.heads import UncertaintyHead
from ai_mixer.models.statistics import StatisticsEncoder


class TwoBranchModel(FeatureModel):
    """A model with a backbone, a statistics encoder and a head.

    backbone_features: width of the backbone's output. features: width of the encoded statistics.
    genre: predict genre logits too. n_statistics: size of the statistics encoder's input; default:
    all statistics. Subclasses implement `backbone` (or `encode`) and set `head`.
    """

    head: nn.Module

    def __init__(
        self,
        n_knobs: int,
        front_end: FeatureExtractor,
        backbone_features: int,
        features: int,
        dropout: float,
        genre: bool = False,
        n_statistics: int | None = None,
    ) -> None:
        super().__init__()
        self.front_end = front_end
        self.statistics = StatisticsEncoder(
            n_statistics or front_end.n_statistics, features, dropout
        )
        self.spread = UncertaintyHead(backbone_features + features, n_knobs)
        self.genre: nn.Module | None = (
            nn.Linear(backbone_features + features, len(GENRES)) if genre else None
        )

    @property
    def feature_config(self) -> tuple[int, ...]:
        """That of the feature extractor."""
        return self.front_end.feature_config

    def extract(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Features:
        """Features from the feature extractor."""
        return Features(*self.front_end(rough, reference, condition))

    def backbone(self, log_mel: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, backbone_features], or [B, P, backbone_features] per knob."""
        raise NotImplementedError

    def encode(self, features: Features, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Backbone features [B, …, backbone_features] and statistics features [B, features]."""
        return self.backbone(features.log_mel), self.statistics(features.statistics, condition)

    def predict_knobs(
        self, backbone_features: Tensor, statistics_features: Tensor, condition: Tensor
    ) -> Tensor:
        """Backbone and statistics features → [B, P]; here by one head for all conditions."""
        return self.head(torch.cat([backbone_features, statistics_features], dim=-1))

    def predict(self, features: Features, condition: Tensor) -> Prediction:
        """Knobs, uncertainty, and genre logits if built with `genre`.

        The uncertainty head does not train the branches: its input is detached.
        """
        backbone_features, statistics_features = self.encode(features, condition)
        pooled = backbone_features if backbone_features.dim() == 2 else backbone_features.mean(1)
        both = torch.cat([pooled, statistics_features], dim=-1)
        genre = None if self.genre is None else self.genre(both)
        knobs = self.predict_knobs(backbone_features, statistics_features, condition)
        return Prediction(knobs, self.spread(both.detach()), genre)
