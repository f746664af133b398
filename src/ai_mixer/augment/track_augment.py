"""Base classes of augmentations of the stems, from which the task `remix` then makes tracks.

The mix of the changed stems is the finished mix, so all knob labels are exact. As for one file,
drawing parameters and applying them are separate: the second excerpt of a song, the reference, gets
the change of the first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ai_mixer.augment.augment import check_probability
from ai_mixer.core.stem_excerpt import StemExcerpt
from ai_mixer.core.track import MAX_TRACKS


class TrackAugment:
    """One change of the stems, applied to each with a probability.

    needs_files: it reads other recordings of the stems, so it must precede all other changes.
    added_tracks: number of tracks that it adds at most.
    """

    needs_files = False
    added_tracks = 0

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = check_probability(probability)

    def draw(self, rng: np.random.Generator) -> list[Any]:
        """Parameters for each of MAX_TRACKS stems; None: it is not changed."""
        return [
            self.draw_parameters(rng) if rng.random() < self.probability else None
            for _ in range(MAX_TRACKS)
        ]

    def measure(self, excerpt: StemExcerpt, drawn: list[Any]) -> list[Any]:
        """Complete the parameters by what depends on the first excerpt; both are changed alike."""
        return drawn

    def prepare(self, excerpt: StemExcerpt, params: list[Any]) -> StemExcerpt:
        """Return the changed excerpt, before the task. Does not modify its argument."""
        rows = [n for n in range(len(excerpt.stems)) if params[n] is not None]
        if not rows:
            return excerpt
        stems = excerpt.stems.clone()
        for n in rows:
            stems[n] = self.process(stems[n], excerpt.sample_rate, params[n])
        return excerpt._replace(stems=stems)

    def draw_parameters(self, rng: np.random.Generator) -> Any:
        """Draw the parameters of one stem that is changed."""
        raise NotImplementedError

    def process(self, audio: Tensor, sample_rate: int, params: Any) -> Tensor:
        """Change one stem: [2, T] → [2, T]."""
        raise NotImplementedError


class ComposeTracks:
    """Several augmentations of stems in sequence; those that read files come first.

    knobs: names of the console's knobs, as for `Compose`; none of them is invalidated.
    """

    changes_stems = True

    def __init__(self, steps: Sequence[TrackAugment] = (), knobs: Sequence[str] = ()) -> None:
        self.steps = sorted(steps, key=lambda step: not step.needs_files)

    @property
    def added_tracks(self) -> int:
        """Number of tracks that all steps add at most."""
        return sum(step.added_tracks for step in self.steps)

    @property
    def needs_files(self) -> bool:
        """Whether a step reads other recordings."""
        return any(step.needs_files for step in self.steps)

    def draw(self, rng: np.random.Generator) -> list[list[Any]]:
        """Draw the parameters of every step."""
        return [step.draw(rng) for step in self.steps]

    def prepare_first(
        self, excerpt: StemExcerpt, drawn: list[list[Any]]
    ) -> tuple[StemExcerpt, list[list[Any]]]:
        """Change the first excerpt of a song. Returns it, and the parameters for the second."""
        params = []
        for step, own in zip(self.steps, drawn, strict=True):
            params.append(step.measure(excerpt, own))
            excerpt = step.prepare(excerpt, params[-1])
        return excerpt, params

    def prepare(self, excerpt: StemExcerpt, params: list[list[Any]]) -> StemExcerpt:
        """Change another excerpt of the same song in the same way."""
        for step, own in zip(self.steps, params, strict=True):
            excerpt = step.prepare(excerpt, own)
        return excerpt
