"""Under which conditions songs can be heard: a reference needs other music of the same song."""

import warnings
from collections.abc import Sequence

from ai_mixer.core.types import CONDITIONS, Song

ALL = "all"


def resolve_conditions(
    asked: str, songs: Sequence[Song], excerpt_s: float | None
) -> tuple[str, ...]:
    """Those asked for. excerpt_s: None for whole songs.

    "all" leaves the reference out, with a warning, where no song has any. ValueError if it is asked
    for by name, or if `asked` is no condition.
    """
    if asked not in (*CONDITIONS, ALL):
        raise ValueError(f"condition {asked!r} is none of {', '.join(CONDITIONS)}, {ALL}")
    lengths = [song.duration_s for song in songs if song.reference is None]
    missing = excerpt_s is None or all(length <= excerpt_s for length in lengths)
    missing &= len(lengths) == len(songs)
    length = "as whole songs" if excerpt_s is None else f"in excerpts of {excerpt_s:g} s"
    if asked == "reference" and missing:
        raise ValueError(
            f"condition=reference: {length} no song has other music to refer to; "
            "give a shorter excerpt=, or condition=blind or paired"
        )
    if asked == ALL and missing:
        warnings.warn(f"{length} no song has a reference: left out", stacklevel=2)
        return tuple(name for name in CONDITIONS if name != "reference")
    if asked in {"reference", ALL} and any(length < 2 * (excerpt_s or 0) for length in lengths):
        warnings.warn(
            f"songs shorter than two excerpts ({2 * (excerpt_s or 0):g} s): "
            "their reference and the excerpt overlap",
            stacklevel=2,
        )
    return CONDITIONS if asked == ALL else (asked,)
