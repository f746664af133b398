"""Streams of an .mp4 with several audio streams (Native Instruments' stem format, MUSDB18).

The path of a stream is `song.stem.mp4#3`, counted from 0; without a number it is stream 0, the
mixture. Only the packets of an excerpt are decoded, by PyAV (FFmpeg), an optional dependency:
docs/decisions/0022-stems-in-one-file.md.
"""

import re
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

LEAD_IN_PACKETS = 4  # packets of 1024 samples decoded before the excerpt; AAC overlaps two
_STREAM = re.compile(r"(.+\.mp4)(?:#(\d+))?", re.IGNORECASE | re.DOTALL)


class StemError(OSError):
    """A container or stream that cannot be decoded."""


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


def require_pyav() -> Any:
    """Import PyAV. ValueError in one line if it is not installed."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise ValueError(
            "reading .mp4 stems needs PyAV: .venv/bin/python -m pip install 'ai-mixer[stems]'"
        ) from error
    return av


class StemFile:
    """An open stream, with the part of the interface of `soundfile.SoundFile` that readers use.

    frames: samples per channel from the container, accurate to one packet. StemError if the stream
    does not exist or cannot be decoded.
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
        """Set the start of the next `read`."""
        self._position = frame

    def read(self, frames: int, **_: object) -> NDArray[np.float32]:
        """Read the next samples: [T, channels] float32, fewer at the end of the file."""
        audio = np.zeros((frames, self.channels), np.float32)
        start, end = self._position, self._position
        try:
            self._seek_container(start)
            for frame in self._container.decode(self._stream):
                first = self._samples(frame.pts)
                end = max(end, min(first + frame.samples, start + frames))
                low, high = max(first, start), min(first + frame.samples, start + frames)
                if low < high:
                    samples = frame.to_ndarray()[:, low - first : high - first]
                    audio[low - start : high - start] = samples.T
                if high == start + frames:
                    break
        except self._av.FFmpegError as error:
            raise StemError(error.strerror) from error
        self._position = end
        return audio[: end - start]

    def _seek_container(self, sample: int) -> None:
        """Seek to some packets before a sample: the first decoded samples are not yet correct."""
        early = max(0, sample - LEAD_IN_PACKETS * 1024)
        ticks = int(early / (self._stream.time_base * self.samplerate))
        self._container.seek(ticks, stream=self._stream)

    def _samples(self, ticks: int) -> int:
        """Convert ticks of the container's time base to samples."""
        return round(ticks * self._stream.time_base * self.samplerate)
