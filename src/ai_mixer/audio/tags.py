"""Text tags of audio files (title, artist …) that libsndfile supports.

Pictures and lyrics: `extras.py`. Other fields are not copied: docs/decisions/0030-mixing-files.md.
"""

import unicodedata
from typing import Any

Tags = dict[str, str]

TAG_NAMES = (
    *("title", "artist", "album", "tracknumber", "date", "genre"),
    *("copyright", "license", "comment"),
)


def decode_text(raw: bytes) -> str:
    """Decode a tag: UTF-8, else Windows-1252, which contains Latin-1.

    >>> decode_text("Größe".encode()), decode_text("Größe".encode("latin-1"))
    ('Größe', 'Größe')
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def normalize_text(text: str) -> str:
    """Composed Unicode (NFC): macOS writes `é` as two characters, other systems as one."""
    return unicodedata.normalize("NFC", text)


def read_tags(file: Any) -> Tags:
    """Read the tags that are not empty. file: as `open_audio` returns it."""
    found = file.tags
    tags = {name: normalize_text(found.get(name, "").strip()) for name in TAG_NAMES}
    return {name: text for name, text in tags.items() if text}


def write_tags(file: Any, tags: Tags) -> None:
    """Write tags, before the first sample; tags that the format does not support are left out."""
    for name, text in tags.items():
        try:
            setattr(file, name, text)
        except (RuntimeError, UnicodeEncodeError):  # unsupported tag or characters
            continue
