"""Detection of a full disk behind errors of files, SQLite and zip writers."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT}


class DiskFullError(OSError):
    """A full disk, with the name of the file that could not be written."""


@contextmanager
def reraise_disk_full(file: str | Path) -> Iterator[None]:
    """Convert any error caused by a full disk into an OSError (ENOSPC) with the name `file`.

    Of several nested blocks the innermost one names the file.
    """
    try:
        yield
    except DiskFullError:
        raise
    except Exception as error:
        if disk_full_path(error) is None:
            raise
        raise DiskFullError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from error


def disk_full_path(error: BaseException | None) -> str | None:
    """Path that could not be written if a full disk caused the error, "" if unknown, else None.

    A full disk often causes further errors during clean-up; the first error of the chain counts.
    """
    path = None
    for one in exception_chain(error):
        if isinstance(one, OSError) and one.errno in DISK_FULL_ERRNOS:
            path = str(one.filename2 or one.filename or "") or path or ""
        if isinstance(one, sqlite3.Error) and "full" in str(one):
            path = "the runs' database"
    return path


def exception_chain(error: BaseException | None) -> Iterator[BaseException]:
    """Iterate over an error, its cause or context, and so on."""
    seen = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
