"""Base class of `ridge` and `trees`: regression of knobs from hand-crafted features."""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch

from ai_mixer.core.types import CONDITIONS, Batch, Condition, Prediction
from ai_mixer.evaluation.baselines.features import features
from ai_mixer.evaluation.baselines.system import KnobSystem
from ai_mixer.evaluation.baselines.training_set import TrainingSet
from ai_mixer.inference.predictor import Predictor
from ai_mixer.utils.parallel import parallel_map

MIN_EXAMPLES = 20  # a knob that counts in fewer examples is predicted as its mean


class Regression(KnobSystem):
    """One regressor per condition and knob, fitted to the examples in which the knob counts.

    Positions are clamped to 0–1; untrained knobs are at neutral. Regressors are fitted on every
    use and not stored.
    """

    def __init__(self, predictor: Predictor, training_set: TrainingSet) -> None:
        super().__init__(predictor)
        self.training_set = training_set
        self._regressors: dict[tuple[str, int], Any] = {}

    @abstractmethod
    def regressor(self) -> Any:
        """Return an unfitted scikit-learn regressor."""

    def prepare(self) -> None:
        """Fit all regressors."""
        table = self.training_set.table
        counted = [
            n
            for n in np.flatnonzero(self.predictor.trained_knobs)
            if table.mask[:, n].sum() >= MIN_EXAMPLES
        ]
        keys = [(condition, int(knob)) for knob in counted for condition in CONDITIONS]
        self._regressors = {key: self.regressor() for key in keys}

        def fit(key: tuple[str, int]) -> None:
            condition, knob = key
            counts = table.mask[:, knob]
            self._regressors[key].fit(table.features[condition][counts], table.knobs[counts, knob])

        list(parallel_map(fit, keys, f"fitting {type(self).__name__.lower()}"))

    def predict(self, batch: Batch, condition: Condition) -> Prediction:
        """Return positions, [B, P]; a knob without a regressor is predicted as its mean."""
        x = features(batch, condition).numpy()
        knobs = self.predictor.mean_knobs.expand_as(batch.knobs).clone()
        for (name, knob), regressor in self._regressors.items():
            if name == condition:
                knobs[:, knob] = torch.from_numpy(regressor.predict(x)).to(knobs).clamp(0.0, 1.0)
        return Prediction(self.predictor.set_untrained_to_neutral(knobs))
