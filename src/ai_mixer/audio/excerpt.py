"""Audio file headers, and excerpts read by seeking.

The formats are those of `open_audio.py`, and the streams of an .mp4 (`song.stem.mp4#1`, see
`stream_path.py`). Samples are float and may exceed full scale: about half of all lossy files do,
and clipping would change the sound of a mix.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.audio.errors import DecodeError, SongError
from ai_mixer.audio.open_audio import AudioDecoder, open_audio
from ai_mixer.dsp.resample import common_period, half_width_samples, resample

MIN_SONG_S = 0.4  # one block of a loudness measurement (ITU-R BS.1770)


class Header(NamedTuple):
    """Length of an audio file, as far as it can be read, and its format."""

    duration_s: float
    sample_rate: int
    channels: int


def probe(path: Path) -> Header:
    """Read length and format. SongError if it is not mono or stereo audio of 0.4 s or more."""
    with open_audio(path, check_end=True) as file:
        return read_header(path, file)


def read_header(path: Path, file: AudioDecoder) -> Header:
    """`probe` of an open file."""
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
        audio = read_resampled(
            partial(_read, path, file), file.samplerate, first, length, sample_rate
        )
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


def _read(path: Path, file: AudioDecoder, first: int, length: int) -> Tensor:
    """Read samples first … first + length as [C, length]; silence outside the file."""
    start, stop = max(first, 0), max(first + length, 0)
    try:
        samples = file.read_at(start, stop - start)
    except DecodeError as error:
        raise SongError(path, f"is damaged ({error}): copy it again") from error
    audio = torch.from_numpy(np.ascontiguousarray(samples.T))
    before = min(max(-first, 0), length)
    return pad(audio, (before, length - before - audio.shape[-1]))
