"""Files that are whole or absent: written under a temporary name, then renamed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ai_mixer.utils.disk_errors import reraise_disk_full


@contextmanager
def atomic_write(target: Path, durable: bool = False) -> Iterator[Path]:
    """A path to write to; it replaces `target` at the end of the block and is removed on an error.

    A reader finds the old file or the new one, never a part; of several writers the last one wins.
    durable: also after a power failure (fsync). Missing folders are made. OSError naming the
    target if its folder cannot be written to or the disk is full.
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
    """A new name in the folder of `target`, with its suffix: hidden, and of one writer only.

    A process number would not do: threads share it, and so may processes of several machines.
    """
    return target.with_name(f".{target.stem[:40]}.{uuid4().hex[:16]}.draft{target.suffix}")


def write_bytes(target: Path, data: bytes) -> None:
    """Like `Path.write_bytes`, whole or not at all."""
    with atomic_write(target) as temporary:
        temporary.write_bytes(data)


def write_text(target: Path, text: str) -> None:
    """Like `Path.write_text` in UTF-8, whole or not at all."""
    with atomic_write(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
