"""Start times of recordings: the `bext` chunk of Broadcast Wave files (EBU Tech 3285)."""

import struct
from pathlib import Path

from ai_mixer.audio.chunks import read_chunk

_TIME_REFERENCE = struct.Struct("<Q")  # samples since midnight
_OFFSET = 256 + 32 + 32 + 10 + 8  # description, originator, its reference, date, time


def time_reference(path: Path) -> int | None:
    """Sample of a common clock at which a WAV file starts; None for files without one."""
    try:
        chunk = read_chunk(path, b"bext", _OFFSET + _TIME_REFERENCE.size)
    except OSError:  # a stream of a container has a path of its own
        return None
    if len(chunk) < _OFFSET + _TIME_REFERENCE.size:
        return None
    return int(_TIME_REFERENCE.unpack_from(chunk, _OFFSET)[0])
