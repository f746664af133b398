"""Writing of audio files block by block, in the format of the file name."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from torch import Tensor

from ai_mixer.audio.dither import Dither
from ai_mixer.audio.ffmpeg_writer import ENCODERS, write_with_ffmpeg
from ai_mixer.audio.formats import (
    ENCODER_OPTIONS,
    MAX_WAV_BYTES,
    check_sample_rate,
    choose_subtype,
    format_of,
)
from ai_mixer.audio.tags import Tags, write_tags

BLOCK_SAMPLES = 1 << 15  # libsndfile's Vorbis encoder crashes on long blocks


def write_audio(
    path: Path,
    blocks: Iterable[Tensor],
    sample_rate: int,
    channels: int,
    frames: int,
    source_subtype: str = "",
    tags: Tags | None = None,
) -> None:
    """Write blocks [C, n], full scale = 1, to `path`; not atomic, see `atomic_write`.

    frames: expected length, which determines the type of header. source_subtype: libsndfile's
    subtype of the input file (16 bits stay 16 bits, with dither). ValueError for an unsupported
    format or sample rate; OSError if the file cannot be written or the disk is full.
    """
    format = format_of(path)
    check_sample_rate(path, sample_rate)
    if format.name in ENCODERS:
        write_with_ffmpeg(path, blocks, sample_rate, channels, format.name, tags or {})
        return
    subtype = choose_subtype(format, source_subtype)
    large = format.name == "WAV" and frames * channels * 4 > MAX_WAV_BYTES
    name = "RF64" if large else format.name
    dither = Dither() if subtype == "PCM_16" else None
    options = ENCODER_OPTIONS.get(format.name, {})
    try:
        file = soundfile.SoundFile(path, "w", sample_rate, channels, subtype, None, name, **options)
    except soundfile.LibsndfileError as error:
        raise _write_error(path, error) from error
    try:
        with file:
            write_tags(file, tags or {})
            for block in blocks:
                samples = np.ascontiguousarray(block.T.numpy())
                for start in range(0, len(samples), BLOCK_SAMPLES):
                    part = samples[start : start + BLOCK_SAMPLES]
                    file.write(dither(part) if dither else part)
    except soundfile.LibsndfileError as error:
        if "System error" in str(error):  # libsndfile's message for a full disk
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise _write_error(path, error) from error


def _write_error(path: Path, error: soundfile.LibsndfileError) -> OSError:
    reason = str(error.error_string).strip(". ")
    return OSError(errno.EIO, f"cannot be written ({reason})", str(path))
