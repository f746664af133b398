"""The families by name, and all that a choice of them says of a sound."""

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
    """Every number of the families. audio: [C, T], mono or stereo. ValueError as in `check_families`."""
    check_families(families)
    return {
        key: value for name in families for key, value in FAMILIES[name](audio, sample_rate).items()
    }


def check_families(families: Sequence[str]) -> None:
    """ValueError in one line if one is unknown, or there is none."""
    unknown = [name for name in families if name not in FAMILIES]
    if unknown or not families:
        what = f"{unknown[0]!r} is none" if unknown else "none was chosen"
        raise ValueError(f"families of features: {what}, there is {', '.join(FAMILIES)}")
