"""`refined`: the model's answer, refined through the console by what was given."""

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.evaluation.baselines.system import Answer, KnobSystem, heard
from ai_mixer.models.feature_model import Listener


class Refined(KnobSystem):
    """Judged by what it says, refined; heard as it mixes: held back, then refined.

    With the finished version of the very excerpt nothing has to be held back.
    """

    conditions = ("reference", "paired")

    def prepare(self) -> None:
        """ValueError if the model says nothing of its doubts."""
        if not isinstance(self.mixer.model, Listener):
            raise ValueError(f"{type(self.mixer.model).__name__} says no spread to refine within")

    def say(self, batch: Batch, condition: str) -> Prediction:
        """What the model says, refined: [B, P]"""
        return self._refined(self.mixer.hear(batch, condition), batch, condition)

    def mix(self, batch: Batch, condition: str) -> Answer:
        """The mix a musician gets, and the knobs it is judged by."""
        said = self.mixer.hear(batch, condition)
        found = applied = self._refined(said, batch, condition)
        if condition == "reference":
            applied = self._refined(self.mixer.held_back(said), batch, condition)
        audio = self.mixer.console(batch.rough, batch.sample_rate, applied.knobs)
        return Answer(audio, found.knobs, found.spread)

    def _refined(self, said: Prediction, batch: Batch, condition: str) -> Prediction:
        given = heard(batch, condition)
        assert given is not None
        return self.mixer.refined(said, batch.rough, given, condition, batch.sample_rate)
