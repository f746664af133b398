"""`model` and its guests, `champion` among them: a trained mixer, asked as a user asks it."""

import torch
from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.evaluation.baselines.system import Answer, KnobSystem, System
from ai_mixer.inference.predictor import Mixer


class Model(KnobSystem):
    """A mixer at its own console: judged by what it says, heard as it mixes."""

    def say(self, batch: Batch, condition: str) -> Prediction:
        """As the model says it: [B, P]"""
        return self.mixer.hear(batch, condition)

    def mix(self, batch: Batch, condition: str) -> Answer:
        """The mix a musician gets, held back where the model is unsure; and what it said."""
        said = self.say(batch, condition)
        applied = self.mixer.held_back(said).knobs
        audio = self.mixer.console(batch.rough, batch.sample_rate, applied)
        return Answer(audio, said.knobs, said.spread)


class Guest(System):
    """Another run's mixer on the same excerpts: an answer to whether a new model is better.

    judge: the mixer whose knobs are the truth's. If the guest plays another console or other
    ranges, its settings are read on the judge's knobs.
    """

    def __init__(self, guest: KnobSystem, judge: Mixer) -> None:
        self.guest, self.judge = guest, judge
        self.conditions = guest.conditions

    def mix(self, batch: Batch, condition: str) -> Answer:
        """What its console makes of its knobs."""
        audio, knobs, spread = self.guest.mix(batch, condition)
        assert knobs is not None
        read = self._read(Prediction(knobs, spread))
        return Answer(audio, read.knobs, read.spread)

    def say(self, batch: Batch, condition: str) -> Prediction:
        """What it says, read on the judge's knobs."""
        return self._read(self.guest.say(batch, condition))

    def _read(self, said: Prediction) -> Prediction:
        knobs = read_on(self.guest.mixer, self.judge, said.knobs)
        spread = said.spread if knobs is said.knobs else None  # it is of no other travel
        return Prediction(knobs, spread)


def read_on(mixer: Mixer, other: Mixer, knobs: Tensor) -> Tensor:
    """A mixer's positions [B, P] read on another's knobs: the same settings, NaN for what it lacks.

    Not limited to 0–1: a setting beyond the other's ends is an error that large.
    """
    if mixer.console.knobs == other.console.knobs:
        return knobs
    settings = mixer.console.settings(knobs)
    columns = [
        knob.to_position(torch.tensor([song.get(knob.name, torch.nan) for song in settings]))
        for knob in other.console.knobs
    ]
    return torch.stack(columns, dim=-1).to(knobs)
