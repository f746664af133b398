"""What an augmentation is: draw and apply are two verbs, so a draw can be repeated or logged.

A change has one of two places. `prepare` works on what was read from the song, before the task: to
the task it is another song, and all knobs stay true. `apply` works on the example that the task
made of it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai_mixer.core.types import Example, Excerpt


class Augment:
    """One change. disturbs: the knobs whose truth is lost where it is drawn (not None)."""

    invalidates: tuple[str, ...] = ()
    needs_stems = False  # as they are on disk: before anything else is changed

    def draw(self, rng: np.random.Generator) -> Any:
        """The parameters of one application."""
        raise NotImplementedError

    def source_seconds(self, params: Any) -> float:
        """How many seconds of the song one second of the example needs."""
        return 1.0

    def prepare(self, excerpt: Excerpt, params: Any) -> Excerpt:
        """Before the task: the changed excerpt; the given one stays as it is."""
        return excerpt

    def apply(self, example: Example, params: Any) -> Example:
        """After the task: the changed example; the given one stays as it is."""
        return example


class SharedAugment(Augment):
    """A change of the signal alone that happens with a probability; drawn as yes or no."""

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = check_probability(probability)

    def draw(self, rng: np.random.Generator) -> bool:
        """Whether it happens."""
        return bool(rng.random() < self.probability)

    def apply(self, example: Example, params: bool) -> Example:
        """Change rough, finished and reference alike."""
        if not params:
            return example
        return replace(
            example,
            rough=self.process(example.rough),
            finished=self.process(example.finished),
            reference=self.process(example.reference),
        )

    def process(self, audio: Tensor) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        raise NotImplementedError


class Compose(Augment):
    """Several in a row; an empty one is the identity. Steps that need stems come first.

    knobs: the console's, by name, in wire order. A knob that a step disturbs is masked, and free:
    nothing compares it with a truth, and the mix is rendered with it. ValueError if a step disturbs
    a knob that the console does not have: others would be untrue, and nobody would notice.
    """

    def __init__(self, steps: Sequence[Augment] = (), knobs: Sequence[str] = ()) -> None:
        self.steps = sorted(steps, key=lambda step: not step.needs_stems)
        self.knobs = tuple(knobs)
        for step in steps:
            unknown = sorted(set(step.invalidates) - set(knobs))
            if unknown:
                raise ValueError(
                    f"{type(step).__name__} disturbs {', '.join(unknown)}, and the console's knobs "
                    f"are {', '.join(knobs) or 'none'}: name its own in `disturbs`"
                )

    def draw(self, rng: np.random.Generator) -> list[Any]:
        """The parameters of every step."""
        return [step.draw(rng) for step in self.steps]

    def source_seconds(self, params: list[Any]) -> float:
        """The product over all steps."""
        return float(np.prod([step.source_seconds(drawn) for step, drawn in self._with(params)]))

    def prepare(self, excerpt: Excerpt, params: list[Any]) -> Excerpt:
        """One step after the other."""
        for step, drawn in self._with(params):
            excerpt = step.prepare(excerpt, drawn)
        return excerpt

    def apply(self, example: Example, params: list[Any]) -> Example:
        """One step after the other; then the flags of what they disturbed."""
        disturbed = set()
        for step, drawn in self._with(params):
            example = step.apply(example, drawn)
            if drawn is not None:
                disturbed |= set(step.invalidates)
        if not disturbed:
            return example
        lost = torch.tensor([name in disturbed for name in self.knobs])
        return replace(example, mask=example.mask & ~lost, unlabelled=example.unlabelled | lost)

    def _with(self, params: list[Any]) -> list[tuple[Augment, Any]]:
        return list(zip(self.steps, params, strict=True))


def check_probability(probability: float) -> float:
    """The probability itself. ValueError outside 0–1."""
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"probability must be 0–1, got {probability}")
    return probability
