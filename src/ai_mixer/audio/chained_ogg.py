"""Chained Ogg: several streams one after the other, as in a recorded broadcast, read as one."""

import io
import mmap
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ai_mixer.audio.ogg_pages import page_bytes
from ai_mixer.audio.sndfile import SndFile

FIRST_PAGE = re.compile(rb"OggS\0[\x02\x03\x06\x07]")  # with the flag that starts a stream


class ChainedOgg:
    """The links of a chain, with the interface of `sndfile.SndFile`.

    The chain ends before the first link with another sample rate or number of channels; then
    `has_end` is False. DecodeError if libsndfile cannot open the first link.
    """

    damage: Sequence[int] = ()

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        starts = link_starts(path)
        ends = [*starts[1:], path.stat().st_size]
        links = [SndFile(_Section(path, *span)) for span in zip(starts, ends, strict=True)]
        first = links[0]
        self.samplerate, self.channels = first.samplerate, first.channels
        self.format, self.subtype, self.tags = first.format, first.subtype, first.tags
        formats = [(link.samplerate, link.channels) for link in links]
        same = next((n for n, form in enumerate(formats) if form != formats[0]), len(links))
        self.has_end = same == len(links)
        self._links = links[:same]
        self._ends = np.cumsum([link.frames for link in self._links])
        self.frames = self.declared_frames = int(self._ends[-1])
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        for link in self._links:
            link.close()

    def read_at(self, first: int, length: int) -> NDArray[np.float32]:
        """Read samples first … first + length: [n, C], fewer at the end of the file."""
        parts = [np.zeros((0, self.channels), np.float32)]
        for link, end in zip(self._links, self._ends.tolist(), strict=True):
            start = end - link.frames
            low, high = max(first, start), min(first + length, end)
            if low < high:
                parts.append(link.read_at(low - start, high - low))
        return np.concatenate(parts)

    def read_next(self, length: int) -> NDArray[np.float32]:
        """Read the next samples: [n, C], fewer at the end."""
        samples = self.read_at(self._position, length)
        self._position += len(samples)
        return samples


def link_starts(path: Path) -> list[int]:
    """Byte of the first page of each link; parallel streams (of a film) start together."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        starts, next_page = [], -1
        for match in FIRST_PAGE.finditer(data):
            if match.start() != next_page:
                starts.append(match.start())
            next_page = match.start() + page_bytes(data, match.start())
    return starts


class _Section(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        self._file = path.open("rb")
        self._start, self._size = start, end - start
        self._file.seek(start)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._size}[whence]
        return self._file.seek(self._start + base + offset) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: max(0, self._size - self.tell())]
        return self._file.readinto(view)

    def close(self) -> None:
        self._file.close()
        super().close()
