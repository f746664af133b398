"""Memory that was used and is free again goes back to the system."""

import ctypes
from functools import lru_cache
from typing import Any


def release_memory() -> None:
    """To be called between the stages of a long work.

    The C library keeps what one stage freed in the heaps of its threads, and the next stage, in
    other threads, takes as much again: 103 MiB after delivering four minutes. Does
    nothing where the C library has no `malloc_trim` (it is glibc's).
    """
    trim = _find_malloc_trim()
    if trim is not None:
        trim(0)


@lru_cache
def _find_malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # another system's
        return None
