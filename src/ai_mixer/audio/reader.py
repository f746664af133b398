"""Reading of audio files of any length in blocks, tolerant of damage.

NaN counts as silence, samples far over full scale are clamped, a truncated file has the length of
what can be read. `AudioFile.warnings` lists these repairs.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.audio.excerpt import TRUNCATION_TOLERANCE_S, SongError, open_audio
from ai_mixer.audio.stem_file import StemError
from ai_mixer.audio.tags import Tags, read_tags

BLOCK_SAMPLES = 1 << 16
READ_SAMPLES = 1 << 12  # per read call: at most so many samples before a damaged place are lost
MAX_AMPLITUDE = 1000.0  # 60 dB over full scale: music is below, and squares cannot overflow
SAMPLE_RATE_LIMITS_HZ = (8_000, 192_000)
MIN_DURATION_S = 0.2


class AudioFile:
    """An audio file: header at once, samples in blocks.

    frames: samples per channel, from the header until the file has been read to its end, then as
    counted. tags: see `tags.py`. SongError in one line if the file is not mono or stereo audio of
    0.2 s or more at 8–192 kHz.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self._open() as file:
            self.sample_rate: int = file.samplerate
            self.channels: int = file.channels
            self.frames: int = file.frames
            self.format: str = getattr(file, "format", "")
            self.subtype: str = getattr(file, "subtype", "")
            self.tags: Tags = read_tags(file)
        low, high = SAMPLE_RATE_LIMITS_HZ
        if not low <= self.sample_rate <= high:
            reason = f"{self.sample_rate} Hz, needs {low} to {high} Hz: convert it first"
            raise SongError(self.path, reason)
        self._check_length()
        self._nan_samples = self._clamped_samples = 0
        self._truncation: str | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    @property
    def warnings(self) -> list[str]:
        """Repairs so far, one line each; complete after the file has been read to its end."""
        warnings = [self._truncation] if self._truncation else []
        if self._nan_samples:
            warnings.append(f"{self._nan_samples} samples are NaN and count as silence")
        if self._clamped_samples:
            warnings.append(
                f"{self._clamped_samples} samples are more than 60 dB over full scale and "
                "were clamped"
            )
        return warnings

    def blocks(self) -> Iterator[Tensor]:
        """Iterate over the song in blocks [C, n], float32, full scale = 1."""
        self._nan_samples = self._clamped_samples = 0
        done = 0
        with self._open() as file:
            for samples in self._read(file):
                done += len(samples)
                if len(samples):
                    yield self._sanitise(samples)
        self._check_end(done)

    def read_samples(self, first: int, length: int) -> Tensor:
        """Read samples first … first + length by seeking: [C, length], silent outside the song."""
        start = min(max(first, 0), self.frames)
        stop = max(start, min(first + length, self.frames))
        with self._open() as file:
            try:
                file.seek(start)
                samples = file.read(stop - start, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, StemError):  # damaged at this place
                samples = np.zeros((0, self.channels), np.float32)
        counts = self._nan_samples, self._clamped_samples
        audio = self._sanitise(samples)
        self._nan_samples, self._clamped_samples = counts  # only `blocks` counts repairs
        before = min(max(-first, 0), length)
        return pad(audio, (before, length - before - audio.shape[-1]))

    def _open(self) -> soundfile.SoundFile:
        return open_audio(self.path)

    def _read(self, file: soundfile.SoundFile) -> Iterator[np.ndarray]:
        parts: list[np.ndarray] = []
        at_end = False
        while not at_end:
            try:
                parts.append(file.read(READ_SAMPLES, dtype="float32", always_2d=True))
                at_end = not len(parts[-1])
            except (soundfile.LibsndfileError, StemError):
                at_end = True  # samples after a damaged place may be noise
            if parts and (len(parts) * READ_SAMPLES >= BLOCK_SAMPLES or at_end):
                yield np.concatenate(parts)
                parts = []

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

    def _check_end(self, done: int) -> None:
        if done < self.frames - TRUNCATION_TOLERANCE_S * self.sample_rate:
            read_s, expected_s = done / self.sample_rate, self.frames / self.sample_rate
            self._truncation = (
                f"the file is damaged: {read_s:.1f} s of its {expected_s:.1f} s can be read"
            )
        self.frames = done
        self._check_length()

    def _check_length(self) -> None:
        if self.frames < MIN_DURATION_S * self.sample_rate:
            raise SongError(
                self.path, f"lasts {self.duration_s:.2g} s, a song needs {MIN_DURATION_S} s"
            )


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same existing file."""
    return one.exists() and other.exists() and one.samefile(other)
