"""Sound files: what the header says, and an excerpt read by seeking.

Any format libsndfile knows (wav, flac, ogg, mp3, aiff …), and the streams of an .mp4
(`song.stem.mp4#1`, see `stem_file.py`). Samples are float and may exceed full scale: about half of
all lossy files do, and clipping them here would change what a mix sounds like.
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
TRUNCATION_TOLERANCE_S = 0.1  # encoders pad: a file this much shorter than its header says is whole


class SongError(ValueError):
    """A file that cannot be used, and why."""

    def __init__(self, file: str | Path, reason: str) -> None:
        # Names from old disks may be no Unicode; no table or page could hold them.
        self.file, self.reason = os.fsencode(file).decode("utf-8", "backslashreplace"), reason
        super().__init__(f"{self.file}: {reason}")


class Header(NamedTuple):
    """What a sound file says about itself."""

    duration_s: float
    sample_rate: int
    channels: int


def probe(path: Path) -> Header:
    """Read the header only. SongError if no excerpt could be read from the file."""
    with open_audio(path) as file:
        duration_s = file.frames / file.samplerate
        if duration_s < MIN_SONG_S:
            raise SongError(path, f"lasts {duration_s:.2g} s, a song needs {MIN_SONG_S} s")
        return Header(duration_s, file.samplerate, file.channels)


def read_excerpt(path: Path, start_s: float, duration_s: float, sample_rate: int) -> Tensor:
    """An excerpt at the wanted rate: [2, round(duration_s · sample_rate)], float32.

    Equal to the same region of the whole file resampled: the resampler sees what lies on either
    side. Mono becomes two equal channels; past the end of the file there is silence. SongError for
    more than two channels, NaN or infinite samples, or an unreadable or damaged file.
    """
    first, length = round(start_s * sample_rate), round(duration_s * sample_rate)
    with open_audio(path) as file:
        audio = read_resampled(partial(_read, file), file.samplerate, first, length, sample_rate)
    if not np.isfinite(audio.numpy()).all():  # torch takes 15 times as long to ask
        raise SongError(path, "contains NaN or infinite samples: export the file again")
    return audio.expand(2, -1).contiguous()


def read_resampled(
    read: Callable[[int, int], Tensor], rate: int, first: int, length: int, sample_rate: int
) -> Tensor:
    """Samples first … first + length of a song of `rate`, counted and heard at `sample_rate`.

    read: (first, length) → [C, length] at the song's own rate, silent outside the song.
    """
    if rate == sample_rate:
        return read(first, length)
    # Start where both rates have a sample, or the excerpt would be shifted by a fraction.
    step_in, step_out = common_period(rate, sample_rate)
    margin = half_width_samples(rate, sample_rate)
    block = first // step_out - -(-margin // step_in)
    skip = first - block * step_out
    needed = -(-(skip + length) * rate // sample_rate) + margin
    wide = resample(read(block * step_in, needed), rate, sample_rate)
    return wide[:, skip : skip + length]


def open_audio(path: Path) -> soundfile.SoundFile | StemFile:
    """The open file or stream. SongError if it is no mono or stereo sound with samples in it."""
    stream = parse_stream_path(path)
    try:
        file = StemFile(*stream) if stream else soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError, TypeError, UnicodeEncodeError) as error:
        raise SongError(path, f"cannot be read as sound ({_reason(path, error)})") from error
    if file.channels > 2:
        raise SongError(path, f"{file.channels} channels, needs mono or stereo: mix it down")
    if not file.frames:
        raise SongError(path, "holds no samples")
    return file


def _reason(path: Path, error: Exception) -> str:
    """What the system says of the file, if it is that; else what the decoder said."""
    path = container_path(path)
    if isinstance(error, UnicodeEncodeError):
        return "its name is no Unicode: rename it"
    try:
        path.open("rb").close()
    except OSError as refusal:
        gone = isinstance(refusal, FileNotFoundError)
        link = f"a link to {path.readlink()}, which is not there" if path.is_symlink() else ""
        return (link or "no such file") if gone else str(refusal.strerror)
    return str(getattr(error, "error_string", error)).strip(". ")


def _read(file: soundfile.SoundFile | StemFile, first: int, length: int) -> Tensor:
    """Samples first … first + length as [C, length]; silence outside the file."""
    start = min(max(first, 0), file.frames)
    stop = max(start, min(first + length, file.frames))
    try:
        file.seek(start)
        samples = file.read(stop - start, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, StemError) as error:
        why = str(getattr(error, "error_string", error)).strip(". ")
        raise SongError(file.name, f"is damaged ({why}): copy it again") from error
    if len(samples) < stop - start - TRUNCATION_TOLERANCE_S * file.samplerate:
        claimed_s = file.frames / file.samplerate
        raise SongError(file.name, f"is damaged (ends before its {claimed_s:.1f} s): copy it again")
    audio = torch.from_numpy(np.ascontiguousarray(samples.T))
    before = min(max(-first, 0), length)
    return pad(audio, (before, length - before - audio.shape[-1]))
