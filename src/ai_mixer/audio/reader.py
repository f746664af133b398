"""A sound file of any length, read block by block, whatever state it is in.

What can be heard is read: NaN counts as silence, wild samples are held, a file that breaks off is
as long as what is there. All of it is noted, and said once.
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

BLOCK_SAMPLES = 1 << 16  # samples at a time
READ_SAMPLES = 1 << 12  # read at once: at a damage, no more than this is lost before it
MAX_AMPLITUDE = 1000.0  # 60 dB over full scale: what lies beyond is no music, and squares overflow
SAMPLE_RATE_LIMITS_HZ = (8_000, 192_000)
MIN_DURATION_S = 0.2


class AudioFile:
    """An open question to a file: its facts at once, its samples block by block.

    `frames`: samples per channel as the header says, and as they were counted once the file was
    read to its end. `warnings`: what was wrong with it, in words.
    SongError in one line for a file that is no mono or stereo sound of 0.2 s or more at 8–192 kHz.
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
            said = f"{self.sample_rate} Hz, needs {low} to {high} Hz: convert it first"
            raise SongError(self.path, said)
        self._check_length()
        self._nan_samples = self._clamped_samples = 0
        self._truncation: str | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    @property
    def warnings(self) -> list[str]:
        """What was found, as far as it was read."""
        said = [self._truncation] if self._truncation else []
        if self._nan_samples:
            said.append(f"{self._nan_samples} samples are no numbers (NaN) and count as silence")
        if self._clamped_samples:
            said.append(
                f"{self._clamped_samples} samples are more than 60 dB over full scale and were held"
            )
        return said

    def blocks(self) -> Iterator[Tensor]:
        """The song from its beginning: [C, n] float32, full scale = 1."""
        self._nan_samples = self._clamped_samples = 0
        done = 0
        with self._open() as file:
            for samples in self._read(file):
                done += len(samples)
                if len(samples):
                    yield self._sanitise(samples)
        self._check_end(done)

    def read_samples(self, first: int, length: int) -> Tensor:
        """Samples first … first + length, read by seeking: [C, length], silent outside the song."""
        start = min(max(first, 0), self.frames)
        stop = max(start, min(first + length, self.frames))
        with self._open() as file:
            try:
                file.seek(start)
                samples = file.read(stop - start, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, StemError):  # damaged here
                samples = np.zeros((0, self.channels), np.float32)
        noted = self._nan_samples, self._clamped_samples
        audio = self._sanitise(samples)
        self._nan_samples, self._clamped_samples = noted  # counted where the whole song is read
        before = min(max(-first, 0), length)
        return pad(audio, (before, length - before - audio.shape[-1]))

    def _open(self) -> soundfile.SoundFile:
        return open_audio(self.path)

    def _read(self, file: soundfile.SoundFile) -> Iterator[np.ndarray]:
        parts: list[np.ndarray] = []
        more = True
        while more:
            try:
                parts.append(file.read(READ_SAMPLES, dtype="float32", always_2d=True))
                more = len(parts[-1]) > 0
            except (soundfile.LibsndfileError, StemError):
                more = False  # what comes after the damage cannot be told from noise
            if parts and (len(parts) * READ_SAMPLES >= BLOCK_SAMPLES or not more):
                yield np.concatenate(parts)
                parts = []

    def _sanitise(self, samples: np.ndarray) -> Tensor:
        """[n, C] → [C, n], every sample a number of some sense."""
        audio = torch.from_numpy(np.ascontiguousarray(samples.T))
        if not audio.numel():
            return audio
        low, high = audio.aminmax()
        if max(-float(low), float(high)) <= MAX_AMPLITUDE:  # NaN is neither
            return audio
        self._nan_samples += int(audio.isnan().sum())
        self._clamped_samples += int((audio.abs() > MAX_AMPLITUDE).sum())
        return audio.nan_to_num(0.0, MAX_AMPLITUDE, -MAX_AMPLITUDE).clamp(
            -MAX_AMPLITUDE, MAX_AMPLITUDE
        )

    def _check_end(self, done: int) -> None:
        if done < self.frames - TRUNCATION_TOLERANCE_S * self.sample_rate:
            there, said = done / self.sample_rate, self.frames / self.sample_rate
            self._truncation = f"the file is damaged: {there:.1f} s of its {said:.1f} s can be read"
        self.frames = done
        self._check_length()

    def _check_length(self) -> None:
        if self.frames < MIN_DURATION_S * self.sample_rate:
            raise SongError(
                self.path, f"lasts {self.duration_s:.2g} s, a song needs {MIN_DURATION_S} s"
            )


def same_file(one: Path, other: Path) -> bool:
    """Do two names lead to one file?"""
    return one.exists() and other.exists() and one.samefile(other)
