"""Frames appended to the ID3v2 tag of an MP3: lyrics and a picture, which libsndfile cannot write.

https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure
"""

import shutil
import struct
from pathlib import Path
from typing import BinaryIO

from ai_mixer.utils.atomic_write import temporary_name

HEADER_BYTES = 10
UTF16, LATIN1, FRONT_COVER = b"\1", b"\0", b"\3"

Frame = tuple[bytes, bytes]
"""Name and content."""


def lyrics_frame(text: str) -> Frame:
    """A frame of unsynchronised lyrics, in a language that is not stated."""
    return b"USLT", UTF16 + b"und" + _utf16("") + _utf16(text)


def picture_frame(data: bytes, mime: str) -> Frame:
    """A frame of the front cover."""
    return b"APIC", LATIN1 + mime.encode() + b"\0" + FRONT_COVER + b"\0" + data


def append_frames(path: Path, frames: list[Frame]) -> None:
    """Append frames to the tag at the start of a file, or add a tag."""
    temporary = temporary_name(path)
    try:
        with path.open("rb") as old, temporary.open("wb") as new:
            version, existing = _read_tag(old)
            body = existing + b"".join(_encode(frame, version) for frame in frames)
            new.write(b"ID3" + bytes((version, 0, 0)) + _syncsafe(len(body)) + body)
            shutil.copyfileobj(old, new)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _read_tag(file: BinaryIO) -> tuple[int, bytes]:
    """Version and frames of the tag, without padding; the file is then at the byte after it."""
    header = file.read(HEADER_BYTES)
    if not header.startswith(b"ID3") or header[3] not in {3, 4} or header[5]:
        file.seek(
            0
        )  # no tag, or one with features that encoders do not use: a further tag is added
        return 3, b""
    version, body = header[3], file.read(_size(header[6:], syncsafe=True))
    end = 0
    while end + HEADER_BYTES <= len(body) and body[end]:
        end += HEADER_BYTES + _size(body[end + 4 : end + 8], syncsafe=version == 4)
    return version, body[:end]


def _encode(frame: Frame, version: int) -> bytes:
    name, content = frame
    size = _syncsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
    return name + size + b"\0\0" + content


def _size(data: bytes, syncsafe: bool) -> int:
    """A number of four bytes, of which syncsafe ones use seven bits."""
    bits = 7 if syncsafe else 8
    return sum(byte << bits * (3 - place) for place, byte in enumerate(data))


def _syncsafe(size: int) -> bytes:
    return bytes(size >> 7 * (3 - place) & 0x7F for place in range(4))


def _utf16(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le") + b"\0\0"
