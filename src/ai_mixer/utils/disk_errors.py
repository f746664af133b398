"""A full disk, by whatever name it comes: an OSError, SQLite's words, or those of a zip writer."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def reraise_disk_full(file: str | Path) -> Iterator[None]:
    """Where the disk is full in this block, the error is an OSError that names `file`."""
    try:
        yield
    except Exception as error:
        if disk_full_path(error) is None:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from error


def disk_full_path(error: BaseException | None) -> str | None:
    """What could not be written, if a full disk is behind an error ("" if nobody says); else None.

    One failure follows another on the way out; the first one counts.
    """
    found = None
    for one in exception_chain(error):
        if isinstance(one, OSError) and one.errno in DISK_FULL_ERRNOS:
            found = str(one.filename2 or one.filename or "") or found or ""
        if isinstance(one, sqlite3.Error) and "full" in str(one):
            found = "the runs' database"
    return found


def exception_chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it followed from."""
    seen = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
