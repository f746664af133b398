"""Base classes of augmentations.

Drawing parameters and applying them are separate, so that a change can be repeated or logged. An
augmentation acts in one of two places. `prepare` changes the excerpt before the task: for the task
it is another song, and all knobs stay valid. `apply` changes the example that the task made.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai_mixer.core.types import Example, Excerpt


class Augment:
    """One change of the audio.

    invalidates: names of the knobs whose true positions are unknown after the change.
    needs_stems: it reads the stems from disk, so it must precede all other changes.
    """

    invalidates: tuple[str, ...] = ()
    needs_stems = False

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw the parameters of one application."""
        raise NotImplementedError

    def source_seconds(self, params: Any) -> float:
        """Seconds of the song needed for one second of the example."""
        return 1.0

    def prepare(self, excerpt: Excerpt, params: Any) -> Excerpt:
        """Return the changed excerpt, before the task. Does not modify its argument."""
        return excerpt

    def apply(self, example: Example, params: Any) -> Example:
        """Return the changed example, after the task. Does not modify its argument."""
        return example


class SharedAugment(Augment):
    """The same change of rough, finished version and reference, applied with a probability."""

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = check_probability(probability)

    def draw(self, rng: np.random.Generator) -> bool:
        """Draw whether the change is applied."""
        return bool(rng.random() < self.probability)

    def apply(self, example: Example, params: bool) -> Example:
        """Change rough, finished version and reference."""
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
    """Several augmentations in sequence; an empty one is the identity. Steps with stems come first.

    knobs: names of the console's knobs, in wire order. Knobs that a step invalidates are masked and
    marked as unlabelled: they have no target, and the mix is rendered with the predicted position.
    Raises ValueError if a step invalidates a knob that the console does not have, since the
    console's own knobs would then have wrong targets.
    """

    def __init__(self, steps: Sequence[Augment] = (), knobs: Sequence[str] = ()) -> None:
        self.steps = sorted(steps, key=lambda step: not step.needs_stems)
        self.knobs = tuple(knobs)
        for step in steps:
            unknown = sorted(set(step.invalidates) - set(knobs))
            if unknown:
                raise ValueError(
                    f"{type(step).__name__} invalidates {', '.join(unknown)}, but the console has "
                    f"{', '.join(knobs) or 'no knobs'}: set `invalidates` to knobs of the console"
                )

    def draw(self, rng: np.random.Generator) -> list[Any]:
        """Draw the parameters of every step."""
        return [step.draw(rng) for step in self.steps]

    def source_seconds(self, params: list[Any]) -> float:
        """Product over all steps."""
        steps = zip(self.steps, params, strict=True)
        return float(np.prod([step.source_seconds(drawn) for step, drawn in steps]))

    def prepare(self, excerpt: Excerpt, params: list[Any]) -> Excerpt:
        """Apply all steps in order."""
        for step, drawn in zip(self.steps, params, strict=True):
            excerpt = step.prepare(excerpt, drawn)
        return excerpt

    def apply(self, example: Example, params: list[Any]) -> Example:
        """Apply all steps in order; then mask the knobs that they invalidate."""
        invalidated = set()
        for step, drawn in zip(self.steps, params, strict=True):
            example = step.apply(example, drawn)
            if drawn is not None:
                invalidated |= set(step.invalidates)
        if not invalidated:
            return example
        flags = torch.tensor([name in invalidated for name in self.knobs]).to(example.mask.device)
        return replace(example, mask=example.mask & ~flags, unlabelled=example.unlabelled | flags)


def check_probability(probability: float) -> float:
    """Return the probability. ValueError outside 0–1."""
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"probability must be 0–1, got {probability}")
    return probability
