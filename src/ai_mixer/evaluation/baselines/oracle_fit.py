"""`fitted`: the settings with which the console comes nearest to the finished version.

Not a rival but a bound: it hears the answer and takes about twice real time to find the way there.
"""

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.evaluation.baselines.system import KnobSystem
from ai_mixer.inference.knob_fitting import fit
from ai_mixer.inference.predictor import Mixer


class Fitted(KnobSystem):
    """Per excerpt, by `ai_mixer.inference.knob_fitting`. at_most: on how many excerpts."""

    conditions = ("paired",)

    def __init__(self, mixer: Mixer, at_most: int) -> None:
        super().__init__(mixer)
        self.at_most = at_most

    def say(self, batch: Batch, condition: str) -> Prediction:
        """[B, P]"""
        found = fit(batch.rough, batch.finished, self.mixer.console, batch.sample_rate)
        return Prediction(found.knobs)
