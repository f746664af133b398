"""Atomic file writes: write under a temporary name, then rename."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ai_mixer.utils.disk_errors import reraise_disk_full


@contextmanager
def atomic_write(target: Path, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path that replaces `target` at the end of the block.

    A reader sees the old file or the new one, never a part of it; of several writers the last one
    wins. On an error the temporary file is removed. durable: call fsync, so that the file survives
    a power failure. Missing folders are created. OSError with the name of the target if its folder
    is not writable or the disk is full.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(target.parent))
    temporary = temporary_name(target)
    try:
        with reraise_disk_full(target):
            yield temporary
            if durable:
                with temporary.open("rb+") as file:
                    os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_name(target: Path) -> Path:
    """Return a hidden, unique path in the folder of `target` with its suffix.

    A process id would not be unique: threads share it, and machines may share the folder.
    """
    return target.with_name(f".{target.stem[:40]}.{uuid4().hex[:16]}.draft{target.suffix}")


def write_bytes(target: Path, data: bytes) -> None:
    """Write bytes atomically."""
    with atomic_write(target) as temporary:
        temporary.write_bytes(data)


def write_text(target: Path, text: str) -> None:
    """Write text in UTF-8 atomically."""
    with atomic_write(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
