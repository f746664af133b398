"""Ogg Vorbis encoding: a sixth of FLAC's size, for the tracks of a song on a page."""

import io

import numpy as np
import soundfile as sf

from ai_mixer.listening.samples import Audio

COMPRESSION = 0.5  # 0: best quality, 1: smallest
BLOCK_SAMPLES = 1 << 14  # libsndfile's stack does not hold long blocks of Vorbis


def encode_vorbis(audio: Audio, sample_rate: int) -> bytes:
    """Encode [C, T]. Samples above full scale are kept."""
    blob = io.BytesIO()
    options = {"format": "OGG", "subtype": "VORBIS", "compression_level": COMPRESSION}
    with sf.SoundFile(blob, "w", sample_rate, audio.shape[0], **options) as file:
        for first in range(0, audio.shape[1], BLOCK_SAMPLES):
            file.write(np.ascontiguousarray(audio[:, first : first + BLOCK_SAMPLES].T))
    return blob.getvalue()
