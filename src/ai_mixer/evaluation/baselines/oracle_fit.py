"""`fitted`: the settings with which the console comes nearest to the finished version.

Not a rival but a bound: it hears the answer and takes about twice real time to find the way there.
"""

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem
from ai_mixer.inference.knob_fitting import fit_knobs
from ai_mixer.inference.predictor import Predictor


class OracleFit(KnobSystem):
    """Per excerpt, by `ai_mixer.inference.knob_fitting`. at_most: on how many excerpts."""

    conditions = ("paired",)

    def __init__(self, predictor: Predictor, max_excerpts: int) -> None:
        super().__init__(predictor)
        self.max_excerpts = max_excerpts

    def predict(self, batch: Batch, condition: str) -> Prediction:
        """[B, P]"""
        found = fit_knobs(batch.rough, batch.finished, self.predictor.console, batch.sample_rate)
        return Prediction(found.knobs)
