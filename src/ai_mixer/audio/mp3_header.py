"""The Xing header of an MP3: without it, the length of the file is only an estimate.

The first frame of a file may hold, instead of sound, the number of frames and bytes ("Xing" with
a variable, "Info" with a constant bit rate).
"""

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

FRAME_BYTES = 1500  # at most, with a margin
FRAMES_AND_BYTES, SEEK_TABLE, QUALITY = 3, 4, 8  # flags of the header: what it contains
TRAILERS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"\0\0\0\0")  # what may follow the last frame


class MpegLength(NamedTuple):
    """What the start of a file of MPEG audio frames says about its length.

    complete: there is a Xing header, and the file ends where it says, up to tags: it is not cut
    short, and no frames follow. declared_s: None unless the file is cut short.
    """

    complete: bool
    declared_s: float | None = None


def mpeg_length(path: Path) -> MpegLength | None:
    """Read the length that an MP3 declares. None if the file does not start with MPEG audio."""
    with path.open("rb") as file:
        start = _skip_id3(file)
        frame = file.read(FRAME_BYTES)
        if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
            return None
        place = 4 + _side_information_bytes(frame)
        name, flags, frames, size = struct.unpack(">4sIII", frame[place:][:16].ljust(16, b"\0"))
        if name not in {b"Xing", b"Info"} or flags & FRAMES_AND_BYTES != FRAMES_AND_BYTES:
            return MpegLength(complete=False)
        end = start + size
        if end > file.seek(0, 2):
            return MpegLength(False, frames * _frame_s(frame) - _padding_s(frame, place, flags))
        file.seek(end)
        following = file.read(16)
        return MpegLength(not following or following.startswith(TRAILERS))


def _skip_id3(file: BinaryIO) -> int:
    """Seek to the first byte after the ID3v2 tags at the start, and return its position."""
    position = 0
    while len(header := file.read(10)) == 10 and header.startswith(b"ID3"):
        size = sum((header[6 + n] & 0x7F) << (21 - 7 * n) for n in range(4))
        position += 10 + size + (10 if header[5] & 0x10 else 0)  # a footer
        file.seek(position)
    file.seek(position)
    return position


def _side_information_bytes(frame: bytes) -> int:
    mono = frame[3] & 0xC0 == 0xC0
    if _is_mpeg1(frame):
        return 17 if mono else 32
    return 9 if mono else 17


def _frame_s(frame: bytes) -> float:
    """Duration of one frame of layer III."""
    return (1152 if _is_mpeg1(frame) else 576) / _rate_hz(frame)


def _rate_hz(frame: bytes) -> float:
    halvings = {3: 0, 2: 1, 0: 2}.get(frame[1] >> 3 & 3, 0)  # MPEG-1, MPEG-2, MPEG-2.5
    return (44_100, 48_000, 32_000, 44_100)[frame[2] >> 2 & 3] / 2**halvings


def _padding_s(frame: bytes, place: int, flags: int) -> float:
    """What the encoder added at the start and the end: 12 bits each, in LAME's extension."""
    lame = place + 16 + (100 if flags & SEEK_TABLE else 0) + (4 if flags & QUALITY else 0)
    padding = int.from_bytes(frame[lame + 21 : lame + 24])
    return ((padding >> 12) + (padding & 0xFFF)) / _rate_hz(frame)


def _is_mpeg1(frame: bytes) -> bool:
    return frame[1] & 0x18 == 0x18
