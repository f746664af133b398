"""Atomic file writes: write a draft, a hidden file next to the target, then rename it.

A draft is locked as long as its process lives, so that drafts of dead processes are recognised, on
each file system with `flock` and in each container; its name has the id of the process.
"""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from re import compile as regex
from uuid import uuid4

from ai_mixer.utils.disk_errors import reraise_disk_full
from ai_mixer.utils.unfinished import unfinished

if sys.platform != "win32":
    import fcntl

DRAFT_NAME = regex(r"\..*\.(?P<target>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.draft(\.[^.]*)?")
NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@contextmanager
def atomic_write(target: Path, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path that replaces `target` at the end of the block.

    A reader sees the old file or the new one, never a part of it; of several writers the last one
    wins. On an error the temporary file is removed. durable: call fsync, so that the file survives
    a power failure. Missing folders are created. OSError with the name of the target if its folder
    is not writable or the disk is full.
    """
    with _draft(target) as draft:
        with reraise_disk_full(target):
            yield draft
            if durable:
                with draft.open("rb+") as file:
                    os.fsync(file.fileno())
        draft.replace(target)


@contextmanager
def exclusive_write(target: Path, overwrite: bool = False) -> Iterator[Path]:
    """As `atomic_write`, for one writer at a time: FileExistsError (one line) for the others.

    overwrite: replace an existing file; otherwise also a file that another process creates during
    the block is kept, with FileExistsError at the end. Removes drafts of dead processes from the
    folder.
    """
    remove_stale_drafts(target.parent)
    _check_no_other_writer(target)
    with _draft(target) as draft:
        with reraise_disk_full(target):
            yield draft
        if overwrite:
            draft.replace(target)
        else:
            _create(draft, target)


def remove_stale_drafts(folder: Path) -> None:
    """Remove the drafts of dead processes; those without `flock` support are kept."""
    for draft in _drafts(folder):
        with suppress(OSError), draft.open("rb+") as file:
            if _lock(file.fileno()):
                draft.unlink()


def temporary_name(target: Path) -> Path:
    """Return a hidden, unique path in the folder of `target` with its suffix.

    A process id would not be unique: threads share it, and machines may share the folder.
    """
    unique = f"{_name_digest(target)}-{os.getpid()}-{uuid4().hex[:8]}"
    return target.with_name(f".{target.stem[:40]}.{unique}.draft{target.suffix}")


def write_bytes(target: Path, data: bytes) -> None:
    """Write bytes atomically."""
    with atomic_write(target) as temporary:
        temporary.write_bytes(data)


def write_text(target: Path, text: str) -> None:
    """Write text in UTF-8 atomically, see `write_draft`."""
    with atomic_write(target) as temporary:
        write_draft(temporary, text)


def write_draft(draft: Path, text: str) -> None:
    """Write text in UTF-8 to a draft; bytes of file names that are not UTF-8 are escaped."""
    draft.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Create a locked draft and remove it at the end, unless it has been renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(target.parent))
    draft, descriptor = _create_draft(target)
    try:
        with unfinished(draft):
            yield draft
    finally:
        draft.unlink(missing_ok=True)
        if descriptor is not None:
            os.close(descriptor)


def _create_draft(target: Path) -> tuple[Path, int | None]:
    """Create a draft exclusively. Returns it with the file descriptor that holds its lock."""
    while True:
        draft = temporary_name(target)
        with reraise_disk_full(target):
            descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        if sys.platform == "win32":  # an open file could not be renamed there
            os.close(descriptor)
            return draft, None
        try:
            locked = _lock(descriptor)
        except OSError:  # a file system without locks
            return draft, descriptor
        if locked and draft.exists():
            return draft, descriptor
        os.close(descriptor)  # another process has just taken it for a stale draft


def _lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; False if another process or thread has locked it."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _drafts(folder: Path) -> list[Path]:
    with suppress(OSError):
        return [Path(e) for e in os.scandir(folder) if DRAFT_NAME.fullmatch(e.name)]
    return []


def _check_no_other_writer(target: Path) -> None:
    """FileExistsError if there is a draft of the target: the stale ones have been removed."""
    digest = _name_digest(target)
    for draft in _drafts(target.parent):
        match = DRAFT_NAME.fullmatch(draft.name)
        if match and match["target"] == digest and _is_locked(draft):
            reason = f"process {match['pid']} is writing it: wait, or choose another name"
            raise FileExistsError(errno.EEXIST, reason, str(target))


def _is_locked(draft: Path) -> bool:
    try:
        with draft.open("rb+") as file:
            return not _lock(file.fileno())
    except OSError:  # renamed meanwhile, or a file system without locks
        return False


def _create(draft: Path, target: Path) -> None:
    """Rename a draft unless the target exists. FileExistsError (one line) if it does."""
    try:
        try:
            os.link(draft, target)
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise
            os.close(os.open(target, os.O_CREAT | os.O_EXCL))
            draft.replace(target)
    except FileExistsError:
        when = ""
        with suppress(OSError):
            when = time.strftime(" at %H:%M:%S", time.localtime(target.lstat().st_mtime))
        reason = f"another process was first and wrote it{when}: it is kept, choose another name"
        raise FileExistsError(errno.EEXIST, reason, str(target)) from None


def _name_digest(target: Path) -> str:
    """Digest of a file's name, equal for names that are equal where case does not count."""
    return sha256(os.fsencode(target.name.casefold())).hexdigest()[:8]
