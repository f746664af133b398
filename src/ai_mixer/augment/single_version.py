"""Base class of changes of one version: the finished one before the task, or the rough after it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from ai_mixer.augment.augment import Augment, check_probability
from ai_mixer.core.types import Example, Excerpt, Version

VERSIONS = ("finished", "rough")


class SingleVersionAugment(Augment):
    """A change of one version, applied with a probability; its parameters are None if not applied.

    version "finished": changes the song before the task, and with it the reference; all knobs stay
    valid. version "rough": changes the rough after the task; the knobs in `invalidates` have no
    known position any more; finished version and reference are unchanged. ValueError for others.
    """

    def __init__(
        self, version: Version, probability: float, invalidates: Sequence[str] = ()
    ) -> None:
        if version not in VERSIONS:
            raise ValueError(f"version must be {' or '.join(VERSIONS)}, got {version!r}")
        self.version, self.probability = version, check_probability(probability)
        self.invalidates = tuple(invalidates) if version == "rough" else ()

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw whether the change is applied, and its parameters."""
        return self.draw_parameters(rng) if rng.random() < self.probability else None

    def prepare(self, excerpt: Excerpt, params: Any) -> Excerpt:
        """Change the excerpt if version is "finished"."""
        if params is None or self.version != "finished":
            return excerpt
        return excerpt._replace(audio=self.process(excerpt.audio, excerpt.sample_rate, params))

    def apply(self, example: Example, params: Any) -> Example:
        """Change the rough if version is "rough"."""
        if params is None or self.version != "rough":
            return example
        return replace(example, rough=self.process(example.rough, example.sample_rate, params))

    def draw_parameters(self, rng: np.random.Generator) -> Any:
        """Draw the parameters of a change that is applied."""
        raise NotImplementedError

    def process(self, audio: Tensor, sample_rate: int, params: Any) -> Tensor:
        """audio: [C, T]. Returns [C, T], or [C, T / source_seconds(params)]."""
        raise NotImplementedError
