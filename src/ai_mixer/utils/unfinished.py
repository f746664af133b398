"""Files and folders that are removed even if the process has to end at once.

Blocks remove what they began when an exception leaves them. A process that cannot wait for that,
because it compiles or computes in C, removes what is registered here and exits.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

TEMP_PREFIX = "ai_mixer-"
_registered: set[Path] = set()


@contextmanager
def unfinished(path: Path) -> Iterator[None]:
    """Register a file or folder as unfinished during the block."""
    _registered.add(path)
    try:
        yield
    finally:
        _registered.discard(path)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder that is removed at the end."""
    with TemporaryDirectory(prefix=TEMP_PREFIX) as name, unfinished(Path(name)):
        yield Path(name)


def remove_unfinished() -> None:
    """Remove all registered files and folders. From any thread; errors are ignored."""
    for path in list(_registered):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)
