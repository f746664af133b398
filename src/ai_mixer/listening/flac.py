"""FLAC encoding: for the page, and as files for other software."""

import io
import re
import shutil
from pathlib import Path

import numpy as np
import soundfile as sf

from ai_mixer.listening.samples import Audio, SongSamples
from ai_mixer.utils.atomic_write import write_bytes

TRACKS = "_tracks"  # end of the name of a folder with the tracks of a song
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
    folder, stem, files = Path(folder), _stem(song), {}
    for version, audio in song.versions().items():
        files[version] = folder / f"{stem}_{version}.flac"
        write_bytes(files[version], encode_flac(audio, song.sample_rate, bits)[0])
    return files


def write_track_files(folder: str | Path, song: SongSamples, bits: int = 24) -> list[Path]:
    """Write the tracks of a song as they enter the console: `<song>_tracks/<number> <role>.flac`.

    A track with equal channels is written as mono. The folder has no other files afterwards.
    """
    tracks = Path(folder) / f"{_stem(song)}{TRACKS}"
    shutil.rmtree(tracks, ignore_errors=True)
    files = []
    for number, track in enumerate(song.tracks, 1):
        audio = track.versions["rough"]
        mono = np.allclose(audio[0], audio[-1], rtol=0, atol=2.0**-bits)  # half a step
        files.append(tracks / f"{number:02d} {track.role or 'track'}.flac")
        write_bytes(files[-1], encode_flac(audio[: 1 if mono else 2], song.sample_rate, bits)[0])
    return files


def _stem(song: SongSamples) -> str:
    """Beginning of the names of a song's files."""
    return re.sub(r"[^\w\-.]+", "_", song.name).strip("._") or "song"
