"""Return of freed memory to the operating system."""

import ctypes
from functools import lru_cache
from typing import Any


def release_memory() -> None:
    """Call glibc's `malloc_trim`; call this function between the stages of a long computation.

    The C library keeps freed memory in a heap per thread, and the next stage, in other threads,
    allocates the same amount again: 103 MiB after the delivery of a song of four minutes. Does
    nothing if the C library has no `malloc_trim`.
    """
    trim = _find_malloc_trim()
    if trim is not None:
        trim(0)


@lru_cache
def _find_malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # not glibc
        return None
