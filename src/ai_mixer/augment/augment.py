"""What an augmentation is: draw and apply are two verbs, so a draw can be repeated or logged."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from ai_mixer.types import Example


class Augment:
    """One change of an example."""

    def draw(self, rng: np.random.Generator) -> Any:
        """The parameters of one application."""
        raise NotImplementedError

    def apply(self, example: Example, params: Any) -> Example:
        """The changed example; the given one stays as it is."""
        raise NotImplementedError


class Flip(Augment):
    """A change of the signal alone that happens with a probability; drawn as yes or no."""

    def __init__(self, probability: float = 0.5) -> None:
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"probability must be 0–1, got {probability}")
        self.probability = probability

    def draw(self, rng: np.random.Generator) -> bool:
        """Whether it happens."""
        return bool(rng.random() < self.probability)

    def apply(self, example: Example, params: bool) -> Example:
        """Change rough, finished and reference alike."""
        if not params:
            return example
        return replace(
            example,
            rough=self.change(example.rough),
            finished=self.change(example.finished),
            reference=self.change(example.reference),
        )

    def change(self, audio: Tensor) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        raise NotImplementedError


class Chain(Augment):
    """Several in a row; an empty one is the identity."""

    def __init__(self, steps: Sequence[Augment] = ()) -> None:
        self.steps = list(steps)

    def draw(self, rng: np.random.Generator) -> list[Any]:
        """The parameters of every step."""
        return [step.draw(rng) for step in self.steps]

    def apply(self, example: Example, params: list[Any]) -> Example:
        """One step after the other."""
        for step, drawn in zip(self.steps, params, strict=True):
            example = step.apply(example, drawn)
        return example
