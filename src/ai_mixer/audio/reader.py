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

from ai_mixer.audio.excerpt import LENIENCE_S, SongError, open_sound
from ai_mixer.audio.stem_file import StemError
from ai_mixer.audio.tags import Tags, read_tags

BLOCK = 1 << 16  # samples at a time
STEP = 1 << 12  # read at once: at a damage, no more than this is lost before it
WILDEST = 1000.0  # 60 dB over full scale: what lies beyond is no music, and squares overflow
RATES = (8_000, 192_000)
SHORTEST_S = 0.2


class Sound:
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
        low, high = RATES
        if not low <= self.sample_rate <= high:
            said = f"{self.sample_rate} Hz, needs {low} to {high} Hz: convert it first"
            raise SongError(self.path, said)
        self._check_length()
        self._lost = self._wild = 0
        self._ended: str | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate

    @property
    def warnings(self) -> list[str]:
        """What was found, as far as it was read."""
        said = [self._ended] if self._ended else []
        if self._lost:
            said.append(f"{self._lost} samples are no numbers (NaN) and count as silence")
        if self._wild:
            said.append(f"{self._wild} samples are more than 60 dB over full scale and were held")
        return said

    def blocks(self) -> Iterator[Tensor]:
        """The song from its beginning: [C, n] float32, full scale = 1."""
        self._lost = self._wild = 0
        done = 0
        with self._open() as file:
            for samples in self._read(file):
                done += len(samples)
                if len(samples):
                    yield self._sane(samples)
        self._note_end(done)

    def span(self, first: int, length: int) -> Tensor:
        """Samples first … first + length, read by seeking: [C, length], silent outside the song."""
        start = min(max(first, 0), self.frames)
        stop = max(start, min(first + length, self.frames))
        with self._open() as file:
            try:
                file.seek(start)
                samples = file.read(stop - start, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, StemError):  # damaged here
                samples = np.zeros((0, self.channels), np.float32)
        noted = self._lost, self._wild
        audio = self._sane(samples)
        self._lost, self._wild = noted  # counted where the whole song is read
        before = min(max(-first, 0), length)
        return pad(audio, (before, length - before - audio.shape[-1]))

    def _open(self) -> soundfile.SoundFile:
        return open_sound(self.path)

    def _read(self, file: soundfile.SoundFile) -> Iterator[np.ndarray]:
        parts: list[np.ndarray] = []
        more = True
        while more:
            try:
                parts.append(file.read(STEP, dtype="float32", always_2d=True))
                more = len(parts[-1]) > 0
            except (soundfile.LibsndfileError, StemError):
                more = False  # what comes after the damage cannot be told from noise
            if parts and (len(parts) * STEP >= BLOCK or not more):
                yield np.concatenate(parts)
                parts = []

    def _sane(self, samples: np.ndarray) -> Tensor:
        """[n, C] → [C, n], every sample a number of some sense."""
        audio = torch.from_numpy(np.ascontiguousarray(samples.T))
        if not audio.numel():
            return audio
        low, high = audio.aminmax()
        if max(-float(low), float(high)) <= WILDEST:  # NaN is neither
            return audio
        self._lost += int(audio.isnan().sum())
        self._wild += int((audio.abs() > WILDEST).sum())
        return audio.nan_to_num(0.0, WILDEST, -WILDEST).clamp(-WILDEST, WILDEST)

    def _note_end(self, done: int) -> None:
        if done < self.frames - LENIENCE_S * self.sample_rate:
            there, said = done / self.sample_rate, self.frames / self.sample_rate
            self._ended = f"the file is damaged: {there:.1f} s of its {said:.1f} s can be read"
        self.frames = done
        self._check_length()

    def _check_length(self) -> None:
        if self.frames < SHORTEST_S * self.sample_rate:
            raise SongError(
                self.path, f"lasts {self.duration_s:.2g} s, a song needs {SHORTEST_S} s"
            )


def same_file(one: Path, other: Path) -> bool:
    """Do two names lead to one file?"""
    return one.exists() and other.exists() and one.samefile(other)
