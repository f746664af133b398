"""Paths of the audio streams of an .mp4 (Native Instruments' stem format, MUSDB18).

The path of a stream is `song.stem.mp4#3`, counted from 0; without a number it is stream 0, the
mixture: docs/decisions/0022-stems-in-one-file.md.
"""

import re
from pathlib import Path

_STREAM = re.compile(r"(.+\.mp4)(?:#(\d+))?", re.IGNORECASE | re.DOTALL)


def stream_path(file: Path, stream: int) -> Path:
    """Return the path of a stream.

    >>> stream_path(Path("song.stem.mp4"), 3).name
    'song.stem.mp4#3'
    """
    return file.with_name(f"{file.name}#{stream}")


def parse_stream_path(path: Path) -> tuple[Path, int] | None:
    """Split the path of a stream into container and stream number; None for any other file.

    >>> parse_stream_path(Path("song.stem.mp4#3")), parse_stream_path(Path("song #3.wav"))
    ((PosixPath('song.stem.mp4'), 3), None)
    """
    match = _STREAM.fullmatch(path.name)
    return (path.with_name(match[1]), int(match[2] or 0)) if match else None


def container_path(path: Path) -> Path:
    """The file on disk: `song.stem.mp4` for the stream `song.stem.mp4#1`, else the path itself."""
    parsed = parse_stream_path(path)
    return parsed[0] if parsed else path
