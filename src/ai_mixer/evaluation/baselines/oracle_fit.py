"""`fitted`: the settings with which the console comes closest to the finished version.

A bound, not a baseline: it has the finished version, and takes about twice real time.
"""

from ai_mixer.core.types import Batch, Condition, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem
from ai_mixer.inference.knob_fitting import fit_knobs
from ai_mixer.inference.predictor import Predictor


class OracleFit(KnobSystem):
    """Knobs fitted per excerpt by `ai_mixer.inference.knob_fitting`.

    max_excerpts: number of excerpts on which it is evaluated.
    """

    conditions = ("paired",)

    def __init__(self, predictor: Predictor, max_excerpts: int) -> None:
        super().__init__(predictor)
        self.max_excerpts = max_excerpts

    def predict(self, batch: Batch, condition: Condition) -> Prediction:
        """Return the fitted positions, [B, P]."""
        fit = fit_knobs(batch.rough, batch.finished, self.predictor.console, batch.sample_rate)
        return Prediction(fit.knobs)
