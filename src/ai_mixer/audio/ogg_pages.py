"""Pages of Ogg files: whether a file consists of one stream, and whether its end is there.

Streams may be chained, one after the other, as in a recorded broadcast; libsndfile reads the first.
"""

import struct
from mmap import mmap
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAGIC = b"OggS\0"
HEADER_BYTES = 27
WINDOW_BYTES = 1 << 16  # a page has at most 65,307 bytes
PROBES = 8
END_OF_STREAM = 4


class Page(NamedTuple):
    """Header of a page. granule: samples up to its end, −1 if no packet ends in it."""

    flags: int
    granule: int
    serial: int
    complete: bool


class OggLayout(NamedTuple):
    """chained: several streams, one after the other. has_end: the last page ends the stream."""

    chained: bool
    has_end: bool


def ogg_layout(path: Path) -> OggLayout:
    """Inspect a few pages, evenly distributed over the file.

    The pages of one stream have one serial number, and their granule positions increase. Copies
    of one file after the other have equal serial numbers, but the positions start again.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        starts = [size * probe // PROBES for probe in range(PROBES)]
        pages = [page for start in starts if (page := _page(file, start)) is not None]
        last = _page(file, max(0, size - WINDOW_BYTES), last=True)
    if last is None:
        return OggLayout(False, False)
    pages.append(last)
    granules = [page.granule for page in pages if page.granule >= 0]
    chained = len({page.serial for page in pages}) > 1 or granules != sorted(granules)
    return OggLayout(chained, last.complete and bool(last.flags & END_OF_STREAM))


def _page(file: BinaryIO, start: int, last: bool = False) -> Page | None:
    """The first (or last) page that starts in a window."""
    file.seek(start)
    data = file.read(WINDOW_BYTES)
    stop = max(0, len(data) - HEADER_BYTES + len(MAGIC))
    place = data.rfind(MAGIC, 0, stop) if last else data.find(MAGIC, 0, stop)
    if place < 0:
        return None
    flags, granule, serial = struct.unpack("<BqI", data[place + 5 : place + 18])
    return Page(flags, granule, serial, complete=place + page_bytes(data, place) <= len(data))


def page_bytes(data: bytes | mmap, start: int) -> int:
    """Length of the page that starts at a byte."""
    segments_start = start + HEADER_BYTES
    count = data[segments_start - 1]
    return HEADER_BYTES + count + sum(data[segments_start : segments_start + count])
