"""A sound file written block by block, in the kind its name says."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from torch import Tensor

from ai_mixer.audio.dither import Dither
from ai_mixer.audio.formats import (
    ENCODER_OPTIONS,
    MAX_WAV_BYTES,
    check_sample_rate,
    choose_subtype,
    format_of,
)
from ai_mixer.audio.tags import Tags, write_tags

BLOCK_SAMPLES = 1 << 15  # libsndfile's Vorbis encoder crashes on long ones


def write_audio(
    path: Path,
    blocks: Iterable[Tensor],
    sample_rate: int,
    channels: int,
    frames: int,
    source_subtype: str = "",
    tags: Tags | None = None,
) -> None:
    """Write blocks [C, n], full scale = 1, to `path`; nothing is renamed here (see `atomic_write`).

    frames: how long the song is to be, for the choice of header. like: libsndfile's subtype of the
    file that it is made from (16 bits stay 16 bits, with dither). ValueError for a kind or rate
    that cannot be written; OSError if the disk is full.
    """
    format = format_of(path)
    check_sample_rate(path, sample_rate)
    subtype = choose_subtype(format, source_subtype)
    large = format.name == "WAV" and frames * channels * 4 > MAX_WAV_BYTES
    name = "RF64" if large else format.name
    dither = Dither() if subtype == "PCM_16" else None
    options = ENCODER_OPTIONS.get(format.name, {})
    try:
        file = soundfile.SoundFile(path, "w", sample_rate, channels, subtype, None, name, **options)
    except soundfile.LibsndfileError as error:
        raise OSError(
            errno.EIO, f"cannot be written ({_error_reason(error)})", str(path)
        ) from error
    try:
        with file:
            write_tags(file, tags or {})
            for block in blocks:
                samples = np.ascontiguousarray(block.T.numpy())
                for start in range(0, len(samples), BLOCK_SAMPLES):
                    part = samples[start : start + BLOCK_SAMPLES]
                    file.write(dither(part) if dither else part)
    except soundfile.LibsndfileError as error:
        if "System error" in str(error):  # all that it says of a full disk
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise OSError(
            errno.EIO, f"cannot be written ({_error_reason(error)})", str(path)
        ) from error


def _error_reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip(". ")
