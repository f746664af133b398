"""Audio streams decoded by FFmpeg (PyAV): what libsndfile cannot read, or not to its end.

The length of a stream is the number of samples that decode; durations in headers are only what the
file declares. Only the packets of an excerpt are decoded where the timestamps of the container
count samples; elsewhere (webm, wma) decoding starts at the beginning.
docs/decisions/0044-reading-audio.md.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from ai_mixer.audio.chunks import declared_frames
from ai_mixer.audio.errors import DecodeError
from ai_mixer.audio.ffmpeg_frames import frame_samples, frame_subtype
from ai_mixer.audio.tags import decode_text

LEAD_IN_SAMPLES = 12 * 1152  # decoded before an excerpt: MP3 frames refer to up to ten before them
END_TICKS = 1 << 50  # after the end of any stream
MAX_CHANNELS = 2
# Containers of sound and of films with sound. No playlists, which name other files and addresses.
CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,matroska,webm,mov,mp3,"
    "mpc,mpc8,mpeg,mpegts,ogg,tak,tta,w64,wav,wv"
)
# In the others, FFmpeg may estimate a duration from the size of the file.
DECLARING_CONTAINERS = ("aiff", "au", "flac", "matroska", "mov", "wav", "wv")
UNFRAMED = ("MP3", "MP2")
NOTHING = (None, False)
TAG_KEYS = {"track": "tracknumber"}  # FFmpeg's names of tags that have another name here


def require_pyav() -> Any:
    """Import PyAV. ValueError in one line if it is not installed."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise ValueError(
            "reading or writing this file needs PyAV: .venv/bin/python -m pip install av"
        ) from error
    av.logging.set_level(av.logging.PANIC)  # damage is reported by `damaged_places`
    return av


class FFmpegFile:
    """An open audio stream, with the interface of `sndfile.SndFile`.

    damage: positions, in samples, of places that could not be decoded and were left out.

    stream: number among the audio streams. declared_s: the duration that the header declares, if
    the caller knows it. DecodeError if the stream does not exist or has no sample that decodes.
    """

    def __init__(
        self,
        file: Path,
        stream: int = 0,
        declared_s: float | None = None,
    ) -> None:
        self._av = require_pyav()
        self.name, self._file, self._number = str(file), file, stream
        self._open()
        frame, _ = next(self._decoded, NOTHING)
        if frame is None:
            self.close()
            raise DecodeError("contains no samples")
        # As decoded: headers of AAC may declare half the rate, or one channel of two.
        self.samplerate, self.channels = int(frame.sample_rate), frame.layout.nb_channels
        self._layout, self._resampler = frame.layout.name, cast(Any, None)
        self._origin = frame.pts
        ticks_per_sample = 1 / (self._stream.time_base * self.samplerate)
        self._exact = frame.pts is not None and ticks_per_sample.denominator == 1
        self.subtype = frame_subtype(frame, self.format.startswith("PCM"))
        self._declared_s, self._frames = declared_s, -1
        self._position, self._pending = 0, self._samples(frame)
        self.damage: list[int] = []
        self.has_end = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    @property
    def frames(self) -> int:
        """Samples per channel that decode, from the end of the stream; the first call seeks."""
        if self._frames < 0:
            with FFmpegFile(self._file, self._number) as other:
                self._frames = other._count()
                self.has_end = other.has_end
        return self._frames

    @property
    def declared_frames(self) -> int | None:
        """Samples per channel that the header declares, None if it does not."""
        if self._declared_s is not None:
            return round(self._declared_s * self.samplerate)
        if self._container.format.name.split(",")[0] not in DECLARING_CONTAINERS:
            return declared_frames(self._file, self.frames)
        if self._stream.duration is not None:
            return round(self._stream.duration * self._stream.time_base * self.samplerate)
        if self._container.duration is not None:
            return round(self._container.duration * self.samplerate / self._av.time_base)
        return None

    @property
    def tags(self) -> dict[str, str]:
        """Text of the container's and the stream's tags, by lower-case name."""
        tags = {**self._stream.metadata, **self._container.metadata}
        return {
            TAG_KEYS.get(name.lower(), name.lower()): decode_text(os.fsencode(text))
            for name, text in tags.items()
        }

    def read_at(self, first: int, length: int) -> NDArray[np.float32]:
        """Read samples first … first + length: [n, C], fewer at the end of the stream.

        DecodeError if some of them cannot be decoded.
        """
        self._go_to(first)
        places = len(self.damage)
        samples = self.read_next(length)
        if len(self.damage) > places:
            raise DecodeError("some of it cannot be decoded")
        return samples

    def read_next(self, length: int) -> NDArray[np.float32]:
        """Read the next samples: [n, C], fewer at the end; what does not decode is left out."""
        parts, missing = [np.zeros((0, self.channels), np.float32)], length
        while missing > 0:
            if not len(self._pending):
                frame, after_damage = next(self._decoded, NOTHING)
                if frame is None:
                    break
                if after_damage:
                    self.damage.append(self._position + length - missing)
                self._pending = self._samples(frame)
            parts.append(self._pending[:missing])
            self._pending = self._pending[missing:]
            missing -= len(parts[-1])
        self._position += length - missing
        return np.concatenate(parts)

    def _open(self) -> None:
        options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
        try:
            self._container = self._av.open(
                f"file:{self._file}", options=options, metadata_errors="surrogateescape"
            )
        except self._av.FFmpegError as error:
            raise DecodeError(error.strerror) from error
        streams = self._container.streams.audio
        if self._number >= len(streams):
            self._container.close()
            raise DecodeError(f"has {len(streams)} audio streams, none of number {self._number}")
        self._stream = streams[self._number]
        if self._stream.codec_context is None:
            self._container.close()
            raise DecodeError("its sound has an unknown encoding")
        for other in self._container.streams:
            if other.index != self._stream.index:
                other.discard = self._av.stream.Discard.all
        self.format = self._stream.codec_context.name.upper().removesuffix("FLOAT")
        self._stream.codec_context.thread_count = 1
        self._decoded = self._decode()

    def skip(self, length: int) -> None:
        """Decode the next samples without reading them; damage in them does not count."""
        places = len(self.damage)
        while length > 0:
            skipped = len(self.read_next(min(length, 1 << 16)))
            if not skipped:
                break
            length -= skipped
        self._position += max(0, length)  # after the end
        del self.damage[places:]

    def _decode(self) -> Iterator[tuple[Any, bool]]:
        """Decoded frames from the current place on, and whether something before did not decode."""
        failed = False
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet: Any = next(packets, None)
                if packet is None:
                    break
                frames = packet.decode()
            except self._av.EOFError:
                break
            except self._av.FFmpegError:
                failed = True
                continue
            at_end = not packet.size  # the decoder returns what it has left
            for frame in frames:
                yield frame, failed and not at_end
                failed = failed and at_end
        # Tags after the last frame of an MP3 do not decode, and nothing is missing.
        self.has_end = not failed or self.format in UNFRAMED

    def _go_to(self, sample: int) -> None:
        """Continue at a sample, by seeking where timestamps are exact."""
        if sample == self._position:
            return
        if self._exact and not self._seek(sample):
            self._exact = False
        if not self._exact:
            if sample < self._position:
                self._restart()
            self.skip(sample - self._position)

    def _seek(self, sample: int) -> bool:
        """Seek to some packets before a sample, then decode up to it. False if it fails."""
        if self._position <= sample < self._position + LEAD_IN_SAMPLES:
            self.skip(sample - self._position)
            return True
        try:
            start = self._first_after_seek(max(0, sample - LEAD_IN_SAMPLES))
        except self._av.FFmpegError:
            start = None
        if start is None or start > sample:
            self._restart()
            return False
        self._position = start
        self.skip(sample - start)
        return True

    def _first_after_seek(self, sample: int) -> int | None:
        """Seek; the position of the first sample that is decoded then, None if there is none."""
        tick = self._origin + round(sample / (self._stream.time_base * self.samplerate))
        self._container.seek(tick, stream=self._stream)
        self._decoded = self._decode()
        frame, _ = next(self._decoded, NOTHING)
        if frame is None or frame.pts is None:
            return None
        self._pending = self._samples(frame)
        elapsed = (frame.pts - self._origin) * self._stream.time_base * self.samplerate
        return max(0, round(elapsed)) if elapsed > -1 else None

    def _restart(self) -> None:
        self._container.close()
        self._open()
        self._position, self._pending = 0, np.zeros((0, self.channels), np.float32)

    def _count(self) -> int:
        """Samples up to the end of the stream."""
        if self._exact:
            try:
                start = self._first_after_seek(END_TICKS)
            except self._av.FFmpegError:
                start = None
            if start is not None:
                self._position = start
            else:
                self._restart()
        while len(self.read_next(1 << 16)):
            pass
        return self._position

    def _samples(self, frame: Any) -> NDArray[np.float32]:
        """Samples [n, C] of a frame, full scale = 1, converted to the format of the first frame."""
        if (frame.sample_rate, frame.layout.nb_channels) != (self.samplerate, self.channels):
            self._resampler = self._resampler or self._av.AudioResampler(
                "fltp", self._layout, self.samplerate
            )
            parts = [self._samples(part) for part in self._resampler.resample(frame)]
            return np.concatenate([np.zeros((0, self.channels), np.float32), *parts])
        return frame_samples(frame)
