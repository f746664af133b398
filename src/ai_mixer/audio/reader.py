"""Reading of audio files of any length in blocks, tolerant of damage.

The length of a file is that of what can be read. Places that cannot be decoded are left out, NaN
counts as silence, samples far over full scale are clamped: `AudioFile.warnings` lists all this.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.audio.completeness import Completeness
from ai_mixer.audio.errors import DecodeError, SongError
from ai_mixer.audio.ffmpeg_file import FFmpegFile
from ai_mixer.audio.open_audio import AudioDecoder, open_audio
from ai_mixer.audio.sndfile import SndFile
from ai_mixer.audio.tags import Tags, read_tags

BLOCK_SAMPLES = 1 << 16
MAX_AMPLITUDE = 1000.0  # 60 dB over full scale: music is below, and squares cannot overflow
SAMPLE_RATE_LIMITS_HZ = (8_000, 192_000)
MIN_DURATION_S = 0.2


class AudioFile:
    """An audio file: header at once, samples in blocks.

    frames: samples per channel, as expected until the file has been read to its end, then as
    counted. tags: see `tags.py`. strict: a file that cannot be read whole is a SongError, raised as
    soon as it is known: from the header, or by `blocks` at the end. SongError in one line if the
    file is not mono or stereo audio of 0.2 s or more at 8–192 kHz.
    """

    def __init__(self, path: str | Path, strict: bool = False) -> None:
        self.path, self.strict = Path(path), strict
        with self._open() as file:
            self.sample_rate: int = file.samplerate
            self.channels: int = file.channels
            self.frames: int = file.frames
            self.format: str = file.format
            self.subtype: str = file.subtype
            self.tags: Tags = read_tags(file)
            self._completeness = Completeness(file)
        low, high = SAMPLE_RATE_LIMITS_HZ
        if not low <= self.sample_rate <= high:
            reason = f"{self.sample_rate} Hz, needs {low} to {high} Hz: convert it first"
            raise SongError(self.path, reason)
        self._check_length()
        self._nan_samples = self._clamped_samples = 0
        self._damage: list[int] = []
        self._check_whole()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    @property
    def warnings(self) -> list[str]:
        """What is missing and repairs, one line each; complete after the file has been read."""
        return [*self.missing, *self.repairs]

    @property
    def repairs(self) -> list[str]:
        """Samples that were changed, one line each."""
        repairs = []
        if self._nan_samples:
            repairs.append(f"{self._nan_samples} samples are NaN and count as silence")
        if self._clamped_samples:
            repairs.append(
                f"{self._clamped_samples} samples are more than 60 dB over full scale and "
                "were clamped"
            )
        return repairs

    @property
    def missing(self) -> list[str]:
        """Which parts of the file cannot be read, one line each."""
        truncation = self._completeness.note(self.frames)
        missing = [truncation] if truncation else []
        if self._damage:
            count = len(self._damage)
            places = "one place," if count == 1 else f"{count} places, the first"
            first_s = self._damage[0] / self.sample_rate
            missing.append(f"is damaged in {places} at {first_s:.1f} s")
        return [f"{self.path.name} {text}" for text in missing]

    def blocks(self) -> Iterator[Tensor]:
        """Iterate over the song in blocks [C, n], float32, full scale = 1."""
        self._nan_samples = self._clamped_samples = done = 0
        self._damage = []
        for samples in self._decoded():
            done += len(samples)
            yield self._sanitise(samples)
        self.frames = done
        self._check_length()
        self._check_whole()

    def read_samples(self, first: int, length: int) -> Tensor:
        """Read samples first … first + length by seeking: [C, length], silent outside the song."""
        start, stop = (min(max(sample, 0), self.frames) for sample in (first, first + length))
        with self._open() as file:
            try:
                samples = file.read_at(start, stop - start)
            except DecodeError:  # damaged at this place
                samples = np.zeros((0, self.channels), np.float32)
        counts = self._nan_samples, self._clamped_samples
        audio = self._sanitise(samples)
        self._nan_samples, self._clamped_samples = counts  # only `blocks` counts repairs
        before = min(max(-first, 0), length)
        return pad(audio, (before, length - before - audio.shape[-1]))

    def _open(self) -> AudioDecoder:
        return open_audio(self.path, check_end=True)

    def _decoded(self) -> Iterator[np.ndarray]:
        """All samples that can be decoded, in blocks [n, C]."""
        done, damaged_at = 0, None
        with self._open() as file:
            try:
                while len(samples := file.read_next(BLOCK_SAMPLES)):
                    yield samples
                    done += len(samples)
                damaged_at = done if done < file.frames else None
            except DecodeError:
                damaged_at = file.tell() if isinstance(file, SndFile) else done
            self._damage = list(file.damage)
        if isinstance(file, SndFile) and damaged_at is not None:
            yield from self._decoded_by_ffmpeg(done, damaged_at)

    def _decoded_by_ffmpeg(self, first: int, damaged_at: int) -> Iterator[np.ndarray]:
        """The samples from `first` on, where libsndfile stopped, because of damage at a sample."""
        try:
            file = FFmpegFile(self.path)
        except (DecodeError, ValueError):  # ValueError: without PyAV
            return
        with file:
            file.skip(first)
            while len(samples := file.read_next(BLOCK_SAMPLES)):
                self._damage = file.damage or [damaged_at]
                yield samples

    def _sanitise(self, samples: np.ndarray) -> Tensor:
        """Convert [n, C] to [C, n] with all samples finite and within ±MAX_AMPLITUDE."""
        audio = torch.from_numpy(np.ascontiguousarray(samples.T))
        if not audio.numel():
            return audio
        low, high = audio.aminmax()
        if max(-float(low), float(high)) <= MAX_AMPLITUDE:  # False for NaN
            return audio
        self._nan_samples += int(audio.isnan().sum())
        self._clamped_samples += int((audio.abs() > MAX_AMPLITUDE).sum())
        return audio.nan_to_num(0.0, MAX_AMPLITUDE, -MAX_AMPLITUDE).clamp(
            -MAX_AMPLITUDE, MAX_AMPLITUDE
        )

    def _check_whole(self) -> None:
        if self.strict and self.missing:
            reason = self.missing[0].removeprefix(f"{self.path.name} ")
            raise SongError(self.path, f"{reason}: without --strict, what can be read is used")

    def _check_length(self) -> None:
        if self.frames < MIN_DURATION_S * self.sample_rate:
            raise SongError(
                self.path, f"lasts {self.duration_s:.2g} s, a song needs {MIN_DURATION_S} s"
            )


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same existing file."""
    return one.exists() and other.exists() and one.samefile(other)
