"""One stream of an .mp4 that holds several: Native Instruments' stems, as MUSDB18 comes.

A stream is written `song.stem.mp4#3`, counted from 0; without a number it is the first, which is
the mixture. Only the packets of an excerpt are decoded, by PyAV (FFmpeg), which is an extra of its
own: docs/decisions/0022-stems-in-one-file.md.
"""

import re
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

LEAD_IN_PACKETS = 4  # packets of 1024 samples decoded before the first wanted one; AAC overlaps two
_STREAM = re.compile(r"(.+\.mp4)(?:#(\d+))?", re.IGNORECASE | re.DOTALL)


class StemError(OSError):
    """A container or stream that cannot be decoded."""


def stream_path(file: Path, stream: int) -> Path:
    """How a stream of a container is written.

    >>> stream_path(Path("song.stem.mp4"), 3).name
    'song.stem.mp4#3'
    """
    return file.with_name(f"{file.name}#{stream}")


def parse_stream_path(path: Path) -> tuple[Path, int] | None:
    """The container and the stream that a path stands for; None for any other file.

    >>> parse_stream_path(Path("song.stem.mp4#3")), parse_stream_path(Path("song #3.wav"))
    ((PosixPath('song.stem.mp4'), 3), None)
    """
    found = _STREAM.fullmatch(path.name)
    return (path.with_name(found[1]), int(found[2] or 0)) if found else None


def container_path(path: Path) -> Path:
    """The file on disk: `song.stem.mp4` of the stream `song.stem.mp4#1`, else the path itself."""
    found = parse_stream_path(path)
    return found[0] if found else path


def require_pyav() -> Any:
    """PyAV. ValueError, in one line, where it is not installed."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise ValueError(
            "reading .mp4 stems needs PyAV: .venv/bin/python -m pip install 'ai-mixer[stems]'"
        ) from error
    return av


class StemFile:
    """A stream, opened: as much of `soundfile.SoundFile` as reading an excerpt takes.

    frames: samples as the container counts them, a packet more or less. StemError if there is no
    such stream, or it cannot be decoded.
    """

    def __init__(self, file: Path, stream: int = 0) -> None:
        self._av = require_pyav()
        self.name = str(stream_path(file, stream))
        self._position = 0
        try:
            self._container = self._av.open(str(file))
        except self._av.FFmpegError as error:
            raise StemError(error.strerror) from error
        streams = self._container.streams.audio
        if stream >= len(streams):
            self._container.close()
            raise StemError(f"has {len(streams)} audio streams, none of number {stream}")
        self._stream = streams[stream]
        self.samplerate, self.channels = int(self._stream.rate), int(self._stream.channels)
        self.frames = self._samples(self._stream.duration or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._container.close()

    def seek(self, frame: int) -> None:
        """Where the next `read` starts."""
        self._position = frame

    def read(self, frames: int, **_: object) -> NDArray[np.float32]:
        """The next samples: [T, channels], float; fewer at the end of the file."""
        wanted = np.zeros((frames, self.channels), np.float32)
        start, end = self._position, self._position
        try:
            self._seek_container(start)
            for frame in self._container.decode(self._stream):
                first = self._samples(frame.pts)
                end = max(end, min(first + frame.samples, start + frames))
                low, high = max(first, start), min(first + frame.samples, start + frames)
                if low < high:
                    samples = frame.to_ndarray()[:, low - first : high - first]
                    wanted[low - start : high - start] = samples.T
                if high == start + frames:
                    break
        except self._av.FFmpegError as error:
            raise StemError(error.strerror) from error
        self._position = end
        return wanted[: end - start]

    def _seek_container(self, sample: int) -> None:
        """Some packets before a sample: what is decoded first is not yet true."""
        early = max(0, sample - LEAD_IN_PACKETS * 1024)
        ticks = int(early / (self._stream.time_base * self.samplerate))
        self._container.seek(ticks, stream=self._stream)

    def _samples(self, ticks: int) -> int:
        """Ticks of the container's clock in samples."""
        return round(ticks * self._stream.time_base * self.samplerate)
