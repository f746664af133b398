"""Feature families by name, and the features of several families."""

from collections.abc import Callable, Sequence

from torch import Tensor

from ai_mixer.metrics.features.harmony import harmony
from ai_mixer.metrics.features.levels import levels
from ai_mixer.metrics.features.rhythm import rhythm
from ai_mixer.metrics.features.stereo import stereo
from ai_mixer.metrics.features.timbre import timbre

Family = Callable[[Tensor, int], dict[str, float]]

FAMILIES: dict[str, Family] = {
    family.__name__: family for family in (levels, stereo, timbre, harmony, rhythm)
}


def compute_features(audio: Tensor, sample_rate: int, families: Sequence[str]) -> dict[str, float]:
    """Compute all features of the families. audio: [C, T], mono or stereo.

    ValueError as in `check_families`.
    """
    check_families(families)
    return {
        key: value for name in families for key, value in FAMILIES[name](audio, sample_rate).items()
    }


def check_families(families: Sequence[str]) -> None:
    """Raise ValueError if a family is unknown or if the sequence is empty."""
    unknown = [name for name in families if name not in FAMILIES]
    if unknown or not families:
        problem = f"unknown feature family {unknown[0]!r}" if unknown else "no feature family given"
        raise ValueError(f"{problem}: choose from {', '.join(FAMILIES)}")
