"""`njit` of numba, with a temporary cache where no folder for compiled code can be written.

numba keeps compiled code next to the source or in the user's cache folder. It fails on import if
the package is installed read-only and the home folder cannot be used.
"""

import os
import stat
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba

from ai_mixer.utils.log import logger


def njit(*, cache: bool, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return numba's decorator `njit`, with `cache` where there is a folder for it."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=cache, **options)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
        return numba.njit(cache=_set_temporary_cache(), **options)(function)

    return decorate


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
