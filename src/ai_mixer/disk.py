"""Writing files: names for drafts, and a full disk by whatever name it comes (an OSError, SQLite's
words, or those of a zip writer).
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

FULL = {errno.ENOSPC, errno.EDQUOT}


def draft_name(target: Path) -> Path:
    """A new name in the folder of `target`, with its suffix: hidden, and of one writer only.

    A process number would not do: threads share it, and so may processes of several machines.
    """
    return target.with_name(f".{target.stem[:40]}.{uuid4().hex[:16]}.draft{target.suffix}")


@contextmanager
def writing(file: str | Path) -> Iterator[None]:
    """Where the disk is full in this block, the error is an OSError that names `file`."""
    try:
        yield
    except Exception as error:
        if full_disk(error) is None:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from error


def full_disk(error: BaseException | None) -> str | None:
    """What could not be written, if a full disk is behind an error ("" if nobody says); else None.

    One failure follows another on the way out; the first one counts.
    """
    found = None
    for one in chain(error):
        if isinstance(one, OSError) and one.errno in FULL:
            found = str(one.filename2 or one.filename or "") or found or ""
        if isinstance(one, sqlite3.Error) and "full" in str(one):
            found = "the runs' database"
    return found


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it followed from."""
    seen = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
