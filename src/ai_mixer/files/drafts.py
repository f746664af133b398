"""Files that are whole or not there: written beside their place, then renamed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ai_mixer.disk import draft_name, writing


def writable(folder: Path) -> bool:
    """May files be made there?"""
    return os.access(folder, os.W_OK)


@contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """A name to write to; when the block ends well it becomes `target`, else it is removed.

    OSError, naming the target, where the folder cannot be written to or the disk is full.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not writable(target.parent):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(target.parent))
    draft = draft_name(target)
    try:
        with writing(target):
            yield draft
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """A small text file, UTF-8."""
    with draft_of(target) as draft:
        draft.write_text(text, encoding="utf-8")
