"""Knobs by regression from hand-made features: what `ridge` and `trees` share."""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch

from ai_mixer.core.types import CONDITIONS, Batch, Prediction
from ai_mixer.evaluation.baselines.features import features
from ai_mixer.evaluation.baselines.system import KnobSystem
from ai_mixer.evaluation.baselines.training_set import TrainingSet
from ai_mixer.inference.predictor import Predictor
from ai_mixer.utils.parallel import parallel_map

MIN_EXAMPLES = 20  # examples on which a knob counts; with fewer it stays at their mean


class Regression(KnobSystem):
    """A regressor for each condition and knob, fitted to the examples on which the knob counts.

    Positions are clamped to 0–1; knobs the model was never trained on stay at neutral. Refitted
    whenever it is needed, never stored.
    """

    def __init__(self, predictor: Predictor, examples: TrainingSet) -> None:
        super().__init__(predictor)
        self.examples = examples
        self._regressors: dict[tuple[str, int], Any] = {}

    @abstractmethod
    def regressor(self) -> Any:
        """One of scikit-learn's, not yet fitted."""

    def prepare(self) -> None:
        """Fit all of them."""
        table = self.examples.table
        counted = [
            n
            for n in np.flatnonzero(self.predictor.trained_knobs)
            if table.mask[:, n].sum() >= MIN_EXAMPLES
        ]
        keys = [(condition, int(knob)) for knob in counted for condition in CONDITIONS]
        self._regressors = {key: self.regressor() for key in keys}

        def learn(key: tuple[str, int]) -> None:
            condition, knob = key
            counts = table.mask[:, knob]
            self._regressors[key].fit(table.features[condition][counts], table.knobs[counts, knob])

        list(parallel_map(learn, keys, f"fitting {type(self).__name__.lower()}"))

    def predict(self, batch: Batch, condition: str) -> Prediction:
        """[B, P]; a knob that hardly ever counted in training stays at its mean."""
        x = features(batch, condition).numpy()
        knobs = self.predictor.mean_knobs.expand_as(batch.knobs).clone()
        for (name, knob), regressor in self._regressors.items():
            if name == condition:
                knobs[:, knob] = torch.from_numpy(regressor.predict(x)).to(knobs).clamp(0.0, 1.0)
        return Prediction(self.predictor.set_untrained_to_neutral(knobs))
