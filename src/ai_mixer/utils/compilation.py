"""`njit` of numba with a cache that is complete: used wherever possible, and never out of date.

numba keeps compiled code next to the source or in the user's cache folder. It fails on import if
the package is installed read-only and the home folder cannot be used; it compiles a function again
if its own file has changed, but not if only the file of a function that it calls has; and processes
that start together, such as the workers of a loader, each compile the same functions.
"""

import inspect
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import filelock
import numba

from ai_mixer.utils.log import logger

_PROJECT = Path(__file__).resolve().parents[1]
COMPILATION_TIMEOUT_S = 120  # how long a process waits for another one that compiles a function
_IMPORT = re.compile(rf"^from ({_PROJECT.name}\.[\w.]+) import \(?([\w, \n]*)", re.MULTILINE)


def njit(*, cache: bool, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return numba's decorator `njit`, with `cache` where there is a folder for it.

    Division by zero gives infinity or NaN as in NumPy: its test and exception would keep loops from
    being vectorised, and have no place in an audio thread.

    Cached code is compiled again if a file of this project that its module imports has changed,
    directly or indirectly. A cached function must not have another compiled function in its closure
    (a global one is no problem): numba compares closures, and compiled functions differ in each
    process.
    """
    options = {"error_model": "numpy", **options}

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            compiled = numba.njit(cache=cache, **options)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            compiled = numba.njit(cache=_set_temporary_cache(), **options)(function)
        file = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
        if file is not None:
            file._source_stamp = (file._source_stamp, _sources_version(inspect.getfile(function)))
            compiled._cache = _LockedCache(compiled._cache)
        return compiled

    return decorate


class _LockedCache:
    """numba's cache of a function, with a lock: one process compiles, others wait for its code.

    numba calls `load_overload` and, if it returns None, compiles and calls `save_overload`. The
    functions that it calls are compiled in between; calls have no cycles, so neither have locks.
    """

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self._lock: filelock.BaseFileLock | None = None  # held while this process compiles
        self._owner = 0  # its process, of which others may be copies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the kept code. None: the caller compiles."""
        code = self._cache.load_overload(signature, target_context)
        if code is None and self._acquire():
            code = self._cache.load_overload(signature, target_context)
            if code is not None:
                self._release()
        return code

    def save_overload(self, signature: Any, code: Any) -> None:
        """Keep the code."""
        try:
            self._cache.save_overload(signature, code)
        finally:
            self._release()

    def _acquire(self) -> bool:
        if self._lock is not None and self._owner == os.getpid():
            return False  # an earlier compilation failed
        file = Path(self._cache.cache_path) / f"{self._cache._cache_file._index_name}.lock"
        lock = filelock.FileLock(file, timeout=COMPILATION_TIMEOUT_S)
        try:
            lock.acquire()
        except (filelock.Timeout, OSError, NotImplementedError):  # no lock in such a folder
            return False
        self._lock, self._owner = lock, os.getpid()
        return True

    def _release(self) -> None:
        if self._lock is not None and self._owner == os.getpid():
            self._lock.release()
        self._lock = None


@lru_cache
def _sources_version(file: str) -> int:
    """Hash of a source file and of all files of the project that it imports."""
    return zlib.crc32(b"".join(path.read_bytes() for path in sorted(_sources(Path(file), set()))))


def _sources(file: Path, found: set[Path]) -> set[Path]:
    """Add a source file and all that it imports to `found`, recursively."""
    if file not in found and file.is_file():
        found.add(file)
        for package, names in _IMPORT.findall(file.read_text(encoding="utf-8")):
            stem = _PROJECT.joinpath(*package.split(".")[1:])
            _sources(stem.with_suffix(".py"), found)
            for name in names.split(","):
                _sources((stem / name.strip()).with_suffix(".py"), found)
    return found


@lru_cache
def _set_temporary_cache() -> bool:
    """Set a temporary folder for compiled code; False if there is none."""
    try:
        folder = _private_folder()
    except OSError as error:
        logger.warning("compiled code cannot be kept (%s): each start takes longer", error)
        return False
    logger.warning(
        "compiled code is kept in %s: neither the package nor the home folder can be written "
        "(NUMBA_CACHE_DIR chooses another folder)",
        folder,
    )
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return True


def _private_folder() -> Path:
    """Return a folder of this user only: compiled code of another user must not be run."""
    user = getattr(os, "getuid", int)()
    folder = Path(tempfile.gettempdir()) / f"ai_mixer-compiled-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    if os.name == "posix" and not (is_private and status.st_uid == user):
        return Path(tempfile.mkdtemp(prefix="ai_mixer-compiled-"))
    return folder
