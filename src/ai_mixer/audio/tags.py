"""Title, artist and the other words a sound file carries, as far as libsndfile knows them.

Pictures and fields beyond these are not carried over: docs/decisions/0030-front-doors.md.
"""

from typing import Any

Tags = dict[str, str]

TAG_NAMES = (
    *("title", "artist", "album", "tracknumber", "date", "genre"),
    *("copyright", "license", "comment"),
)


def read_tags(file: Any) -> Tags:
    """The words that are not empty. file: an open `SoundFile` or `StemFile`."""
    found = {name: str(getattr(file, name, "")).strip() for name in TAG_NAMES}
    return {name: text for name, text in found.items() if text}


def write_tags(file: Any, tags: Tags) -> None:
    """Before the first sample. What the kind of file has no place for is left out."""
    for name, text in tags.items():
        try:
            setattr(file, name, text)
        except (RuntimeError, UnicodeEncodeError):  # no place, or letters it cannot hold
            continue
