"""A passage of a song before and after, equally loud, for the player of a report."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.mixing.measurements import Measurements

RATE = 44_100
LENGTH_S, FADE_S = 12.0, 0.05
PEAK = 0.9  # of the louder version
MP3 = {"bitrate_mode": "CONSTANT", "compression_level": 0.5}


class Preview(NamedTuple):
    """Both versions as MP3 in base64, and where the passage starts."""

    before: str
    after: str
    start_s: float


def preview(
    song: AudioFile, mix: Path, before: Measurements, after: Measurements
) -> Preview | None:
    """The loudest passage of both; None if one is silent."""
    if before.silent or after.silent:
        return None
    start_s = before.loudest_start_s(LENGTH_S)
    audio = [_read(file, start_s) for file in (song, AudioFile(mix))]
    levels = [float(loudness_lufs(x[None], RATE)) for x in audio]
    audio = [x * 10 ** ((min(levels) - level) / 20) for x, level in zip(audio, levels, strict=True)]
    scale = min(1.0, PEAK / max(1e-9, *(float(x.abs().max()) for x in audio)))
    return Preview(_encode(scale * audio[0]), _encode(scale * audio[1]), start_s)


def _read(file: AudioFile, start_s: float) -> Tensor:
    length = round(min(LENGTH_S, file.duration_s) * RATE)
    first = round(start_s * RATE)
    audio = read_resampled(file.read_samples, file.sample_rate, first, length, RATE)
    fade = (torch.arange(length) / (FADE_S * RATE)).clamp_max(1.0)
    return audio * fade * fade.flip(0)


def _encode(audio: Tensor) -> str:
    blob = io.BytesIO()
    with soundfile.SoundFile(blob, "w", RATE, len(audio), format="MP3", **MP3) as file:
        file.write(np.ascontiguousarray(audio.T.numpy()))
    return base64.b64encode(blob.getvalue()).decode()
