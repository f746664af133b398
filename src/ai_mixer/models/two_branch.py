"""What the networks share: they look at pictures and read statistics, then set the knobs.

A network is a body: it turns pictures into features. The statistics of the excerpt go beside it, so
that a body only has to find what an analyser does not show.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import GENRES, Features, Prediction
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.feature_model import FeatureModel
from ai_mixer.models.heads import UncertaintyHead
from ai_mixer.models.statistics import StatisticsEncoder


class TwoBranchModel(FeatureModel):
    """A listener with a body and a head.

    seen: width of what the body gives; features: width of what the statistics are encoded to;
    genre: name the genre too; n_read: how many statistics are read, default all. A subclass writes
    `body`, or `look`, and sets `head`.
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
        """Those of the front end."""
        return self.front_end.feature_config

    def extract(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Features:
        """By the front end."""
        return Features(*self.front_end(rough, reference, condition))

    def backbone(self, log_mel: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, seen], or [B, P, seen] with an answer for each knob."""
        raise NotImplementedError

    def encode(self, features: Features, condition: Tensor) -> tuple[Tensor, Tensor]:
        """What the body sees, [B, …, seen], and what the statistics say, [B, features]."""
        return self.backbone(features.log_mel), self.statistics(features.statistics, condition)

    def predict_knobs(
        self, backbone_features: Tensor, statistics_features: Tensor, condition: Tensor
    ) -> Tensor:
        """What the body saw and the statistics say → [B, P]; here one head hears them together, and
        is the same under all conditions [B].
        """
        return self.head(torch.cat([backbone_features, statistics_features], dim=-1))

    def predict(self, features: Features, condition: Tensor) -> Prediction:
        """Knobs, spread, and the genre if it was asked for."""
        backbone_features, statistics_features = self.encode(features, condition)
        both = torch.cat(
            [
                backbone_features if backbone_features.dim() == 2 else backbone_features.mean(1),
                statistics_features,
            ],
            dim=-1,
        )
        genre = None if self.genre is None else self.genre(both)
        return Prediction(
            self.predict_knobs(backbone_features, statistics_features, condition),
            self.spread(both.detach()),
            genre,
        )
