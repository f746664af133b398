"""FLAC encoding: for the page, and as files for other software."""

import io
import re
from pathlib import Path

import numpy as np
import soundfile as sf

from ai_mixer.listening.samples import Audio, SongSamples
from ai_mixer.utils.atomic_write import write_bytes

_SUBTYPES = {16: "PCM_16", 24: "PCM_24"}


def encode_flac(audio: Audio, sample_rate: int, bits: int) -> tuple[bytes, float]:
    """Encode [C, T] with `bits` per sample. Audio above full scale is attenuated to fit.

    Returns the file and the factor that restores the original level (1 without attenuation).
    """
    steps = 2.0 ** (bits - 1)
    factor = max(1.0, float(np.abs(audio).max()) / (1 - 1 / steps))  # largest integer: steps − 1
    # Rounded here: libsndfile scales floats by (steps − 1) when writing, but by steps when reading.
    integers = np.round(audio / factor * steps).astype(np.int32) << (32 - bits)
    blob = io.BytesIO()
    with sf.SoundFile(
        blob, "w", sample_rate, audio.shape[0], _SUBTYPES[bits], format="FLAC"
    ) as file:
        if factor > 1:
            file.comment = f"attenuated by {20 * np.log10(factor):.2f} dB to fit full scale"
        file.write(integers.T)
    return blob.getvalue(), factor


def write_flac_files(folder: str | Path, song: SongSamples, bits: int = 24) -> dict[str, Path]:
    """Write `<song>_<version>.flac` for each version: rough, mix, finished.

    A version above full scale is attenuated to fit, with the attenuation in its FLAC comment.
    Returns the files by version.
    """
    folder = Path(folder)
    stem = re.sub(r"[^\w\-.]+", "_", song.name).strip("._") or "song"
    files = {}
    for version, audio in song.versions().items():
        files[version] = folder / f"{stem}_{version}.flac"
        write_bytes(files[version], encode_flac(audio, song.sample_rate, bits)[0])
    return files
