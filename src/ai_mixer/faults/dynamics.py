"""Faults of the dynamics: over-compressed, too dynamic."""

from ai_mixer.faults import generators
from ai_mixer.faults.fault import LEVEL_CHANGES, Fault, Remedy, profile_score

MAX_RATIO = 4.0
OVER_COMPRESSION = profile_score("over-compressed", LEVEL_CHANGES)
EXPANSION = profile_score("too dynamic", LEVEL_CHANGES)


def _compressor(figure: float) -> Remedy:
    """A ratio that halves the excess: levels that are `figure` percent too far apart."""
    ratio = round(min(1 + figure / 100, MAX_RATIO), 1)
    return Remedy({"compressor_ratio": ratio}, {"compressor_ratio": ratio})


FAULTS = (
    Fault(
        "over-compressed",
        "%",
        90.0,
        "90 % of level differences removed",
        generators.over_compression,
        OVER_COMPRESSION,
        lambda figure: f"over-compressed: about {figure:.0f} % of the dynamics are missing",
        lambda figure: Remedy(advice="mix again with less compression: no knob restores peaks"),
        amount=OVER_COMPRESSION,
    ),
    Fault(
        "too dynamic",
        "%",
        200.0,
        "three times the level differences",
        generators.expansion,
        EXPANSION,
        lambda figure: f"too dynamic: level differences are about {figure:.0f} % too large",
        _compressor,
        amount=EXPANSION,
    ),
)
