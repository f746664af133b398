"""A sound file written block by block, in the kind its name says."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from torch import Tensor

from ai_mixer.audio.dither import Dither
from ai_mixer.audio.formats import OPTIONS, WAV_BYTES, check_rate, format_of, subtype_like
from ai_mixer.audio.tags import Tags, write_tags

BLOCK = 1 << 15  # libsndfile's Vorbis encoder crashes on long ones


def write_sound(
    path: Path,
    blocks: Iterable[Tensor],
    sample_rate: int,
    channels: int,
    frames: int,
    like: str = "",
    tags: Tags | None = None,
) -> None:
    """Write blocks [C, n], full scale = 1, to `path`; nothing is renamed here (see `atomic_write`).

    frames: how long the song is to be, for the choice of header. like: libsndfile's subtype of the
    file that it is made from (16 bits stay 16 bits, with dither). ValueError for a kind or rate
    that cannot be written; OSError if the disk is full.
    """
    format = format_of(path)
    check_rate(path, sample_rate)
    subtype = subtype_like(format, like)
    large = format.name == "WAV" and frames * channels * 4 > WAV_BYTES
    name = "RF64" if large else format.name
    dither = Dither() if subtype == "PCM_16" else None
    options = OPTIONS.get(format.name, {})
    try:
        file = soundfile.SoundFile(path, "w", sample_rate, channels, subtype, None, name, **options)
    except soundfile.LibsndfileError as error:
        raise OSError(errno.EIO, f"cannot be written ({_why(error)})", str(path)) from error
    try:
        with file:
            write_tags(file, tags or {})
            for block in blocks:
                samples = np.ascontiguousarray(block.T.numpy())
                for start in range(0, len(samples), BLOCK):
                    part = samples[start : start + BLOCK]
                    file.write(dither(part) if dither else part)
    except soundfile.LibsndfileError as error:
        if "System error" in str(error):  # all that it says of a full disk
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise OSError(errno.EIO, f"cannot be written ({_why(error)})", str(path)) from error


def _why(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip(". ")
