"""Size of the audio data that the header of an uncompressed file declares.

Wav, aiff, W64 and CAF files consist of chunks with a name and a size; one holds the samples. A
decoder reads what the file holds and does not say that a part of it is missing.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAX_CHUNKS = 1000
RIFF_SIZE_UNKNOWN = 0xFFFFFFFF


class AudioBytes(NamedTuple):
    """Bytes of audio data, as declared and as present in the file."""

    declared: int
    present: int


class Chunk(NamedTuple):
    """A chunk. start: of its data; size: of its data in bytes, as declared."""

    name: bytes
    start: int
    size: int


class Layout(NamedTuple):
    """Layout of a container: position and struct of the first chunk's header, alignment of chunks.

    skipped: bytes between the header of the audio chunk `name` and its samples. counted: bytes of
    the header that the size of a chunk includes.
    """

    first: int
    header: str
    alignment: int
    name: bytes
    skipped: int = 0
    counted: int = 0


LAYOUTS = {
    b"RIFF": Layout(12, "<4sI", 2, b"data"),
    b"RF64": Layout(12, "<4sI", 2, b"data"),
    b"RIFX": Layout(12, ">4sI", 2, b"data"),
    b"FORM": Layout(12, ">4sI", 2, b"SSND", skipped=8),
    b"riff": Layout(40, "<4s12xQ", 8, b"data", counted=24),  # W64: names are GUIDs
    b"caff": Layout(8, ">4sq", 1, b"data", skipped=4),
}


def declared_frames(path: Path, frames: int) -> int | None:
    """Samples that the header declares of a file with `frames` samples; None if not more."""
    size = audio_bytes(path)
    if size is None or not 0 < size.present < size.declared:
        return None
    return round(frames * size.declared / size.present)


def audio_bytes(path: Path) -> AudioBytes | None:
    """Declared and present size of the audio data. None if the header does not declare one."""
    with path.open("rb") as file:
        file_bytes = file.seek(0, 2)
        file.seek(0)
        magic = file.read(4)
        if magic == b".snd":
            return _au_bytes(file, file_bytes)
        layout = LAYOUTS.get(magic)
        return _chunk_bytes(file, file_bytes, layout) if layout else None


def read_chunk(path: Path, name: bytes, size: int) -> bytes:
    """The first `size` bytes of a chunk of a RIFF file, fewer if it is shorter; none without it."""
    with path.open("rb") as file:
        magic = file.read(4)
        if magic in (b"RIFF", b"RF64"):
            for chunk in _chunks(file, LAYOUTS[magic]):
                if chunk.name == name:
                    file.seek(chunk.start)
                    return file.read(min(size, chunk.size))
    return b""


def _chunks(file: BinaryIO, layout: Layout) -> Iterator[Chunk]:
    """The chunks of a file up to MAX_CHUNKS, as their headers declare them."""
    position, header_bytes, long_size = layout.first, struct.calcsize(layout.header), None
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        header = file.read(header_bytes)
        if len(header) < header_bytes:
            return
        name, size = struct.unpack(layout.header, header)
        size -= layout.counted
        start = position + header_bytes
        if name == b"ds64":  # of RF64: sizes that do not fit into 32 bits
            long_size = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))[1]
        if name == layout.name and size == RIFF_SIZE_UNKNOWN and long_size is not None:
            size = long_size
        yield Chunk(name, start, size)
        position = start + size + -size % layout.alignment


def _chunk_bytes(file: BinaryIO, file_bytes: int, layout: Layout) -> AudioBytes | None:
    for chunk in _chunks(file, layout):
        if chunk.name == layout.name:
            if _is_unknown(chunk.size):
                return None
            present = file_bytes - chunk.start - layout.skipped
            return AudioBytes(chunk.size - layout.skipped, present)
    return None


def _au_bytes(file: BinaryIO, file_bytes: int) -> AudioBytes | None:
    start, size = struct.unpack(">II", file.read(8).ljust(8, b"\0"))
    return None if _is_unknown(size) else AudioBytes(size, file_bytes - start)


def _is_unknown(size: int) -> bool:
    """Whether a size is what writers enter that do not know it yet: pipes, aborted recordings."""
    return size <= 0 or 0x7FFF0000 <= size <= 0x80000000 or 0xFFFFFF00 <= size <= 0xFFFFFFFF
