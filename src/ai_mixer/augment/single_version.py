"""A change of one side: of the finished version before the task, or of the rough after it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from ai_mixer.augment.augment import Augment, checked_probability
from ai_mixer.core.types import Example, Excerpt

SIDES = ("finished", "rough")


class Change(Augment):
    """Happens with a probability; what is drawn is None where it does not.

    side "finished": the song itself is another one, its reference too, and every knob stays true.
    side "rough": the rough comes from elsewhere. Knobs in `disturbs` have no truth any more; the
    finished version and the reference stay as they are.
    """

    def __init__(self, side: str, probability: float, disturbs: Sequence[str] = ()) -> None:
        if side not in SIDES:
            raise ValueError(f"side {side!r} is none of {', '.join(SIDES)}")
        self.side, self.probability = side, checked_probability(probability)
        self.disturbs = tuple(disturbs) if side == "rough" else ()

    def draw(self, rng: np.random.Generator) -> Any:
        """Whether it happens, and how."""
        return self.parameters(rng) if rng.random() < self.probability else None

    def prepare(self, excerpt: Excerpt, params: Any) -> Excerpt:
        """Change what was read, if that is the side."""
        if params is None or self.side != "finished":
            return excerpt
        return excerpt._replace(audio=self.change(excerpt.audio, excerpt.sample_rate, params))

    def apply(self, example: Example, params: Any) -> Example:
        """Change the rough, if that is the side."""
        if params is None or self.side != "rough":
            return example
        return replace(example, rough=self.change(example.rough, example.sample_rate, params))

    def parameters(self, rng: np.random.Generator) -> Any:
        """How it happens."""
        raise NotImplementedError

    def change(self, audio: Tensor, sample_rate: int, params: Any) -> Tensor:
        """audio: [C, T]. Returns [C, T], or another length if `reads` says so."""
        raise NotImplementedError
