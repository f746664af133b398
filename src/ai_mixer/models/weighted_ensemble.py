"""Several models at one desk: each knob stands where they agree, the better ones counting more.

Stacking (Wolpert, Neural Networks 5, 1992; non-negative weights: Breiman, Machine Learning 24,
1996): per condition and knob one weight per member, none below zero, together one. `make ensemble`
joins trained models and learns the weights on validation songs, which no member has learned from.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS, Features, Prediction
from ai_mixer.models.feature_model import FeatureModel


class WeightedEnsemble(FeatureModel):
    """[B, C, T] rough and reference → [B, P]: the weighted mean of what the members say.

    members: functions that build a model when they are told `n_knobs` and `sample_rate`; all must
    hear the same, for it is heard once. Weights start equal. ValueError without members, or if
    their ears differ.
    """

    def __init__(
        self, n_knobs: int, sample_rate: int, members: Sequence[Callable[..., FeatureModel]]
    ) -> None:
        super().__init__()
        if not members:
            raise ValueError("weighted_ensemble: has no members, name models in model.members")
        built = [member(n_knobs=n_knobs, sample_rate=sample_rate) for member in members]
        if len({model.feature_config for model in built}) > 1:
            raise ValueError("weighted_ensemble: members with different ears (rate, mels, window)")
        self.members = nn.ModuleList(built)
        self.logits = nn.Parameter(torch.zeros(len(CONDITIONS), len(built), n_knobs))

    @property
    def weights(self) -> Tensor:
        """[3, M, P]: of each member, per condition and knob; over the members they sum to one."""
        return self.logits.softmax(dim=1)

    @property
    def feature_config(self) -> tuple[int, ...]:
        """Those of the members."""
        return self._feature_models[0].feature_config

    def extract(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Features:
        """Once, for all members."""
        return self._feature_models[0].extract(rough, reference, condition)

    def predict(self, features: Features, condition: Tensor) -> Prediction:
        """Weighted knobs and spreads. A mean is never further off than its members on average."""
        said = [member.predict(features, condition) for member in self._feature_models]
        weights = self.weights[condition]  # [B, M, P]
        knobs = (weights * torch.stack([one.knobs for one in said], 1)).sum(1)
        spreads = [one.uncertainty for one in said]
        known = [uncertainty for uncertainty in spreads if uncertainty is not None]
        uncertainty = (weights * torch.stack(known, 1)).sum(1) if len(known) == len(said) else None
        return Prediction(knobs, uncertainty)

    @property
    def _feature_models(self) -> list[FeatureModel]:
        return list(self.members)  # type: ignore[arg-type]  # what ModuleList forgets
