"""Conditions that a set of songs supports: a reference needs other music of the same song."""

import warnings
from collections.abc import Sequence
from typing import Literal

from ai_mixer.core.types import CONDITIONS, Condition, Song

ALL: Literal["all"] = "all"


def resolve_conditions(
    condition: Condition | Literal["all"], songs: Sequence[Song], excerpt_s: float | None
) -> tuple[Condition, ...]:
    """Return the requested conditions. excerpt_s: None for whole songs.

    "all" omits "reference", with a warning, if no song has a reference. ValueError if "reference"
    is requested by name and no song has one, or if `condition` is unknown.
    """
    if condition not in (*CONDITIONS, ALL):
        raise ValueError(f"condition {condition!r} is none of {', '.join(CONDITIONS)}, {ALL}")
    lengths = [song.duration_s for song in songs if song.reference is None]
    missing = excerpt_s is None or all(length <= excerpt_s for length in lengths)
    missing &= len(lengths) == len(songs)
    length = "as whole songs" if excerpt_s is None else f"in excerpts of {excerpt_s:g} s"
    if condition == "reference" and missing:
        raise ValueError(
            f"condition=reference: {length} no song has a reference; "
            "set a shorter excerpt=, or condition=blind or paired"
        )
    if condition == ALL and missing:
        warnings.warn(f"{length} no song has a reference: condition omitted", stacklevel=2)
        return tuple(name for name in CONDITIONS if name != "reference")
    if condition in {"reference", ALL} and any(length < 2 * (excerpt_s or 0) for length in lengths):
        warnings.warn(
            f"songs shorter than two excerpts ({2 * (excerpt_s or 0):g} s): "
            "their reference and the excerpt overlap",
            stacklevel=2,
        )
    return CONDITIONS if condition == "all" else (condition,)
