"""Role of a track from its sound, for tracks whose name and General MIDI program say nothing.

Multinomial logistic regression on `role_features`, trained by `benchmarks/roles.py` on the embedded
band and on real tracks under free licences, which are named in the file. A role is given only if it
is likely and one of RELIABLE; measured accuracy: docs/guides/multitrack.md.
"""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.data.role_features import RATE, role_features

FILE = "role_classifier.json"
MIN_PROBABILITY = 0.6
RELIABLE = frozenset(("drums", "bass", "lead", "effects"))  # of the others most were wrong
EXCERPT_S = 20.0
VERSION = 1  # of features and weights: another number analyses all tracks again


class RoleClassifier(NamedTuple):
    """roles: of the rows of `weights` [R, F] and `bias` [R]. mean, scale: of the features [F]."""

    roles: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of each role. features: [F]."""
        scores = self.weights @ ((features - self.mean) / self.scale) + self.bias
        odds: NDArray[np.float64] = np.exp(scores - scores.max())
        return odds / odds.sum()


def role_from_sound(audio: Tensor) -> str | None:
    """Role of a track [2, T] at `role_features.RATE`; None if none is likely, or for silence."""
    features = role_features(audio)
    if features is None:
        return None
    classifier = load_role_classifier()
    probabilities = classifier.probabilities(features.numpy())
    likely = int(probabilities.argmax())
    role = classifier.roles[likely]
    return role if role in RELIABLE and probabilities[likely] >= MIN_PROBABILITY else None


def role_of_file(path: Path, duration_s: float) -> str | None:
    """Role from the middle 20 s of a file; None also for a file that cannot be read."""
    start_s = max(0.0, (duration_s - EXCERPT_S) / 2)
    try:
        return role_from_sound(read_excerpt(path, start_s, min(EXCERPT_S, duration_s), RATE))
    except SongError:  # damaged: reported when an excerpt is read
        return None


@cache
def load_role_classifier() -> RoleClassifier:
    """The classifier in the package."""
    content = json.loads((files("ai_mixer.data") / FILE).read_text("utf-8"))
    arrays = (np.array(content[name]) for name in ("mean", "scale", "weights", "bias"))
    return RoleClassifier(tuple(content["roles"]), *arrays)
