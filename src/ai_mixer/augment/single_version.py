"""A change of one side: of the finished version before the task, or of the rough after it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from ai_mixer.augment.augment import Augment, check_probability
from ai_mixer.core.types import Example, Excerpt

VERSIONS = ("finished", "rough")


class SingleVersionAugment(Augment):
    """Happens with a probability; what is drawn is None where it does not.

    side "finished": the song itself is another one, its reference too, and every knob stays true.
    side "rough": the rough comes from elsewhere. Knobs in `disturbs` have no truth any more; the
    finished version and the reference stay as they are.
    """

    def __init__(self, version: str, probability: float, invalidates: Sequence[str] = ()) -> None:
        if version not in VERSIONS:
            raise ValueError(f"version {version!r} is none of {', '.join(VERSIONS)}")
        self.version, self.probability = version, check_probability(probability)
        self.invalidates = tuple(invalidates) if version == "rough" else ()

    def draw(self, rng: np.random.Generator) -> Any:
        """Whether it happens, and how."""
        return self.draw_parameters(rng) if rng.random() < self.probability else None

    def prepare(self, excerpt: Excerpt, params: Any) -> Excerpt:
        """Change what was read, if that is the side."""
        if params is None or self.version != "finished":
            return excerpt
        return excerpt._replace(audio=self.process(excerpt.audio, excerpt.sample_rate, params))

    def apply(self, example: Example, params: Any) -> Example:
        """Change the rough, if that is the side."""
        if params is None or self.version != "rough":
            return example
        return replace(example, rough=self.process(example.rough, example.sample_rate, params))

    def draw_parameters(self, rng: np.random.Generator) -> Any:
        """How it happens."""
        raise NotImplementedError

    def process(self, audio: Tensor, sample_rate: int, params: Any) -> Tensor:
        """audio: [C, T]. Returns [C, T], or another length if `reads` says so."""
        raise NotImplementedError
