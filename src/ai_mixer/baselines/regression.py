"""Knobs by regression from hand-made features: what `ridge` and `trees` share."""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai_mixer.baselines.examples import Examples
from ai_mixer.baselines.features import features
from ai_mixer.baselines.system import KnobSystem
from ai_mixer.mixer import Mixer
from ai_mixer.types import CONDITIONS, Batch

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
        for knob in np.flatnonzero(self.mixer.trained.numpy()):
            counts = table.mask[:, knob]
            if counts.sum() < LEAST:
                continue
            for condition in CONDITIONS:
                known = table.features[condition][counts], table.knobs[counts, knob]
                regressor = self.regressor()
                regressor.fit(*known)
                self._fitted[condition, int(knob)] = regressor

    def knobs(self, batch: Batch, condition: str) -> Tensor:
        """[B, P]; a knob that hardly ever counted in training stays at its mean."""
        x = features(batch, condition).numpy()
        knobs = self.mixer.mean_knobs.expand_as(batch.knobs).clone()
        for (name, knob), regressor in self._fitted.items():
            if name == condition:
                knobs[:, knob] = torch.from_numpy(regressor.predict(x)).to(knobs).clamp(0.0, 1.0)
        return self.mixer.hold_untrained(knobs)
