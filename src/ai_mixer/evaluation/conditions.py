"""Under which conditions songs can be heard: a reference needs other music of the same song."""

from collections.abc import Sequence

from ai_mixer.data.skipped import warn_of
from ai_mixer.types import CONDITIONS, Song

ALL = "all"


def conditions_for(asked: str, songs: Sequence[Song], excerpt_s: float | None) -> tuple[str, ...]:
    """Those asked for. excerpt_s: None for whole songs.

    "all" leaves the reference out, with a warning, where no song has any. ValueError if it is asked
    for by name, or if `asked` is no condition.
    """
    if asked not in (*CONDITIONS, ALL):
        raise ValueError(f"condition {asked!r} is none of {', '.join(CONDITIONS)}, {ALL}")
    without = [song.id for song in songs if not _has_reference(song, excerpt_s)]
    length = "as whole songs" if excerpt_s is None else f"in excerpts of {excerpt_s:g} s"
    if asked != ALL:
        if asked == "reference" and len(without) == len(songs):
            raise ValueError(
                f"condition=reference: {length} no song has other music to refer to; "
                "give a shorter excerpt=, or condition=blind or paired"
            )
        return (asked,)
    if len(without) == len(songs):
        what = f"no song has a reference {length}: that condition is left out"
        warn_of(what, what, without[:1])
        return tuple(name for name in CONDITIONS if name != "reference")
    if without:
        warn_of(
            "a song is no longer than an excerpt: its reference is the excerpt itself",
            "songs are no longer than an excerpt: their reference is the excerpt itself",
            without,
        )
    return CONDITIONS


def _has_reference(song: Song, excerpt_s: float | None) -> bool:
    return song.reference is not None or (excerpt_s is not None and song.duration_s > excerpt_s)
