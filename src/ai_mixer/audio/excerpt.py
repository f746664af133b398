"""Audio file headers, and excerpts read by seeking.

Supports the formats of libsndfile (wav, flac, ogg, mp3, aiff …) and the streams of an .mp4
(`song.stem.mp4#1`, see `stem_file.py`). Samples are float and may exceed full scale: about half of
all lossy files do, and clipping would change the sound of a mix.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.audio.stem_file import StemError, StemFile, container_path, parse_stream_path
from ai_mixer.dsp.resample import common_period, half_width_samples, resample

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"})
MIN_SONG_S = 0.4  # one block of a loudness measurement (ITU-R BS.1770)
TRUNCATION_TOLERANCE_S = 0.1  # encoders pad: a complete file may be shorter than its header says


class SongError(ValueError):
    """A file that cannot be used, with the reason."""

    def __init__(self, file: str | Path, reason: str) -> None:
        # File names may be invalid Unicode, which tables and HTML pages cannot contain.
        self.file, self.reason = os.fsencode(file).decode("utf-8", "backslashreplace"), reason
        super().__init__(f"{self.file}: {reason}")


class Header(NamedTuple):
    """Length and format of an audio file, from its header."""

    duration_s: float
    sample_rate: int
    channels: int


def probe(path: Path) -> Header:
    """Read the header of a file. SongError if it is not mono or stereo audio of 0.4 s or more."""
    with open_audio(path) as file:
        duration_s = file.frames / file.samplerate
        if duration_s < MIN_SONG_S:
            raise SongError(path, f"lasts {duration_s:.2g} s, a song needs {MIN_SONG_S} s")
        return Header(duration_s, file.samplerate, file.channels)


def read_excerpt(path: Path, start_s: float, duration_s: float, sample_rate: int) -> Tensor:
    """Read an excerpt at a sample rate: [2, round(duration_s · sample_rate)], float32.

    Equal to the same region of the resampled file: the resampler uses the samples on both sides of
    the excerpt. Mono becomes two equal channels; after the end of the file follows silence.
    SongError for more than two channels, NaN or infinite samples, or an unreadable or damaged file.
    """
    first, length = round(start_s * sample_rate), round(duration_s * sample_rate)
    with open_audio(path) as file:
        audio = read_resampled(partial(_read, file), file.samplerate, first, length, sample_rate)
    if not np.isfinite(audio.numpy()).all():  # 15 times as fast as torch.isfinite
        raise SongError(path, "contains NaN or infinite samples: export the file again")
    return audio.expand(2, -1).contiguous()


def read_resampled(
    read: Callable[[int, int], Tensor], rate: int, first: int, length: int, sample_rate: int
) -> Tensor:
    """Read samples first … first + length, counted at `sample_rate`, of a song of another rate.

    read: (first, length) → [C, length] at the song's own `rate`, silent outside the song.
    """
    if rate == sample_rate:
        return read(first, length)
    # Start at a time where both rates have a sample, to avoid a shift by a fraction of a sample.
    step_in, step_out = common_period(rate, sample_rate)
    margin = half_width_samples(rate, sample_rate)
    block = first // step_out - -(-margin // step_in)
    skip = first - block * step_out
    needed = -(-(skip + length) * rate // sample_rate) + margin
    wide = resample(read(block * step_in, needed), rate, sample_rate)
    return wide[:, skip : skip + length]


def open_audio(path: Path) -> soundfile.SoundFile | StemFile:
    """Open a file or stream. SongError if it is not mono or stereo audio with samples."""
    stream = parse_stream_path(path)
    try:
        file = StemFile(*stream) if stream else soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError, TypeError, UnicodeEncodeError) as error:
        raise SongError(path, f"cannot be read as sound ({_reason(path, error)})") from error
    if file.channels > 2:
        raise SongError(path, f"{file.channels} channels, needs mono or stereo: mix it down")
    if not file.frames:
        raise SongError(path, "contains no samples")
    return file


def _reason(path: Path, error: Exception) -> str:
    """The operating system's error if the file cannot be opened, else the decoder's error."""
    path = container_path(path)
    if isinstance(error, UnicodeEncodeError):
        return "its name is not valid Unicode: rename it"
    try:
        path.open("rb").close()
    except FileNotFoundError:
        if path.is_symlink():
            return f"a link to {path.readlink()}, which is not there"
        return "no such file"
    except OSError as system_error:
        return str(system_error.strerror)
    return str(getattr(error, "error_string", error)).strip(". ")


def _read(file: soundfile.SoundFile | StemFile, first: int, length: int) -> Tensor:
    """Read samples first … first + length as [C, length]; silence outside the file."""
    start = min(max(first, 0), file.frames)
    stop = max(start, min(first + length, file.frames))
    try:
        file.seek(start)
        samples = file.read(stop - start, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, StemError) as error:
        reason = str(getattr(error, "error_string", error)).strip(". ")
        raise SongError(file.name, f"is damaged ({reason}): copy it again") from error
    if len(samples) < stop - start - TRUNCATION_TOLERANCE_S * file.samplerate:
        expected_s = file.frames / file.samplerate
        reason = f"shorter than the {expected_s:.1f} s of its header"
        raise SongError(file.name, f"is damaged ({reason}): copy it again")
    audio = torch.from_numpy(np.ascontiguousarray(samples.T))
    before = min(max(-first, 0), length)
    return pad(audio, (before, length - before - audio.shape[-1]))
