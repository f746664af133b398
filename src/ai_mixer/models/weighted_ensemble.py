"""Weighted mean of the knobs of several models.

Stacking (Wolpert, Neural Networks 5, 1992; non-negative weights: Breiman, Machine Learning 24,
1996): one weight per condition, knob and member; weights are non-negative and sum to one over the
members. `make ensemble` combines trained models and trains the weights on validation songs, on
which no member was trained.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS, Features, Prediction
from ai_mixer.models.feature_model import FeatureModel, as_feature_model


class WeightedEnsemble(FeatureModel):
    """[B, C, T] rough and reference → [B, P]: the weighted mean of the members' knobs.

    members: functions (n_knobs, sample_rate) → model. Weights are equal at first. Raises ValueError
    if there are no members, or if one predicts from audio only or has another `feature_config`:
    features are extracted once.
    """

    def __init__(
        self, n_knobs: int, sample_rate: int, members: Sequence[Callable[..., FeatureModel]]
    ) -> None:
        super().__init__()
        if not members:
            raise ValueError("weighted_ensemble: no members: list models in model.members")
        built = [member(n_knobs=n_knobs, sample_rate=sample_rate) for member in members]
        configs = {as_feature_model(model).feature_config for model in built}
        if len(configs) > 1:
            raise ValueError(
                f"weighted_ensemble: members must have the same feature_config, got {configs}"
            )
        self.members = nn.ModuleList(built)
        self.logits = nn.Parameter(torch.zeros(len(CONDITIONS), len(built), n_knobs))

    @property
    def weights(self) -> Tensor:
        """Weights [3, M, P] per condition, member and knob; they sum to one over the members."""
        return self.logits.softmax(dim=1)

    @property
    def feature_config(self) -> tuple[int, ...]:
        """That of the members."""
        return self._feature_models[0].feature_config

    def extract(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Features:
        """Features for all members."""
        return self._feature_models[0].extract(rough, reference, condition)

    def predict(self, features: Features, condition: Tensor) -> Prediction:
        """Weighted means of knobs and uncertainty (None if a member has no uncertainty).

        The error of a weighted mean is at most the weighted mean of the members' errors.
        """
        predictions = [member.predict(features, condition) for member in self._feature_models]
        weights = self.weights[condition]  # [B, M, P]
        knobs = (weights * torch.stack([one.knobs for one in predictions], 1)).sum(1)
        known = [one.uncertainty for one in predictions if one.uncertainty is not None]
        if len(known) < len(predictions):
            return Prediction(knobs)
        return Prediction(knobs, (weights * torch.stack(known, 1)).sum(1))

    @property
    def _feature_models(self) -> list[FeatureModel]:
        return list(self.members)  # type: ignore[arg-type]  # ModuleList is untyped
