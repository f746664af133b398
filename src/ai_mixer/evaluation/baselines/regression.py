"""Knobs by regression from hand-made features: what `ridge` and `trees` share."""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch

from ai_mixer.core.types import CONDITIONS, Batch, Prediction
from ai_mixer.evaluation.baselines.features import features
from ai_mixer.evaluation.baselines.system import KnobSystem
from ai_mixer.evaluation.baselines.training_set import Examples
from ai_mixer.inference.predictor import Mixer
from ai_mixer.utils.parallel import over_cores

LEAST = 20  # examples on which a knob counts; with fewer it stays at their mean


class Regression(KnobSystem):
    """A regressor for each condition and knob, fitted to the examples on which the knob counts.

    Positions are clamped to 0–1; knobs the model was never trained on stay at neutral. Refitted
    whenever it is needed, never stored.
    """

    def __init__(self, mixer: Mixer, examples: Examples) -> None:
        super().__init__(mixer)
        self.examples = examples
        self._fitted: dict[tuple[str, int], Any] = {}

    @abstractmethod
    def regressor(self) -> Any:
        """One of scikit-learn's, not yet fitted."""

    def prepare(self) -> None:
        """Fit all of them."""
        table = self.examples.table
        counted = [n for n in np.flatnonzero(self.mixer.trained) if table.mask[:, n].sum() >= LEAST]
        keys = [(condition, int(knob)) for knob in counted for condition in CONDITIONS]
        self._fitted = {key: self.regressor() for key in keys}

        def learn(key: tuple[str, int]) -> None:
            condition, knob = key
            counts = table.mask[:, knob]
            self._fitted[key].fit(table.features[condition][counts], table.knobs[counts, knob])

        list(over_cores(learn, keys, f"fitting {type(self).__name__.lower()}"))

    def say(self, batch: Batch, condition: str) -> Prediction:
        """[B, P]; a knob that hardly ever counted in training stays at its mean."""
        x = features(batch, condition).numpy()
        knobs = self.mixer.mean_knobs.expand_as(batch.knobs).clone()
        for (name, knob), regressor in self._fitted.items():
            if name == condition:
                knobs[:, knob] = torch.from_numpy(regressor.predict(x)).to(knobs).clamp(0.0, 1.0)
        return Prediction(self.mixer.hold_untrained(knobs))
