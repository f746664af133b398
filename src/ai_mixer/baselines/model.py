"""`model` and `champion`: a trained mixer, asked as a user asks it."""

from torch import Tensor

from ai_mixer.baselines.system import Answer, KnobSystem
from ai_mixer.mixer import Mixer
from ai_mixer.types import Batch


class Model(KnobSystem):
    """A mixer at its own console."""

    def knobs(self, batch: Batch, condition: str) -> Tensor:
        """[B, P]"""
        return self.mixer.hear(batch, condition)


class Champion(Model):
    """Another run's mixer on the same excerpts: an answer to whether a new model is better.

    judge: the mixer whose knobs are the truth's. If the champion plays another console or other
    ranges, its positions mean something else, and only its sound is judged.
    """

    def __init__(self, mixer: Mixer, judge: Mixer) -> None:
        super().__init__(mixer)
        self.same_knobs = mixer.console.knobs == judge.console.knobs

    def mix(self, batch: Batch, condition: str) -> Answer:
        """What its console makes of its knobs."""
        answer = super().mix(batch, condition)
        return answer if self.same_knobs else Answer(answer.audio)
