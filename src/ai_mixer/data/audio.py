"""Sound files: what the header says, and an excerpt read by seeking.

Any format libsndfile knows (wav, flac, ogg, mp3, aiff …). Samples are float and may exceed full
scale: about half of all lossy files do, and clipping them here would change what a mix sounds like.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.resample import grid, reach, resample

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"})


class Header(NamedTuple):
    """What a sound file says about itself."""

    duration_s: float
    sample_rate: int
    channels: int


def probe(path: Path) -> Header:
    """Read the header only. ValueError, naming the file, if no excerpt could be read from it."""
    with _open(path) as file:
        return Header(file.frames / file.samplerate, file.samplerate, file.channels)


def read_excerpt(path: Path, start_s: float, duration_s: float, sample_rate: int) -> Tensor:
    """An excerpt at the wanted rate: [2, round(duration_s · sample_rate)], float32.

    Equal to the same region of the whole file resampled: the resampler sees what lies on either
    side. Mono becomes two equal channels; past the end of the file there is silence. ValueError,
    naming the file, for more than two channels, NaN or infinite samples, or an unreadable file.
    """
    first, length = round(start_s * sample_rate), round(duration_s * sample_rate)
    with _open(path) as file:
        rate = file.samplerate
        if rate == sample_rate:
            audio = _read(file, first, length)
        else:
            # Start where both rates have a sample, or the excerpt would be shifted by a fraction.
            step_in, step_out = grid(rate, sample_rate)
            margin = reach(rate, sample_rate)
            block = first // step_out - -(-margin // step_in)
            skip = first - block * step_out
            needed = -(-(skip + length) * rate // sample_rate) + margin
            wide = resample(_read(file, block * step_in, needed), rate, sample_rate)
            audio = wide[:, skip : skip + length]
    if not torch.isfinite(audio).all():
        raise ValueError(f"{path}: contains NaN or infinite samples: export the file again")
    return audio.expand(2, -1).contiguous()


def _open(path: Path) -> soundfile.SoundFile:
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        reason = "no such file" if not path.exists() else str(error)
        raise ValueError(f"{path}: cannot be read as sound ({reason})") from error
    if file.channels > 2:
        raise ValueError(f"{path}: {file.channels} channels, needs mono or stereo: mix it down")
    if not file.frames:
        raise ValueError(f"{path}: holds no samples")
    return file


def _read(file: soundfile.SoundFile, first: int, length: int) -> Tensor:
    """Samples first … first + length as [C, length]; silence outside the file."""
    start = min(max(first, 0), file.frames)
    stop = max(start, min(first + length, file.frames))
    try:
        file.seek(start)
        samples = file.read(stop - start, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{file.name}: is damaged ({error})") from error
    audio = torch.from_numpy(np.ascontiguousarray(samples.T))
    before = min(max(-first, 0), length)
    return pad(audio, (before, length - before - audio.shape[-1]))
