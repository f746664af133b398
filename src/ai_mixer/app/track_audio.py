"""Samples of the decoded tracks of a song: the page plays them in pieces, in bounded memory."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

MAX_SAMPLES = 1 << 18  # of a request: 1.4 s at 192 kHz


def track_samples(files: Sequence[Path], start: int, samples: int) -> bytes:
    """Samples of files from `start` on, float32: files one after another, then their channels.

    Silence follows the end of a file.
    """
    parts = []
    for path in files:
        with soundfile.SoundFile(path) as file:
            audio = np.zeros((file.channels, samples), np.float32)
            if start < file.frames:
                file.seek(start)
                read = file.read(samples, dtype="float32", always_2d=True).T
                audio[:, : read.shape[1]] = read
        parts.append(audio.tobytes())
    return b"".join(parts)
