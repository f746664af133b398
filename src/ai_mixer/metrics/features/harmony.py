"""Harmony features: chroma and tonal centroids, by librosa."""

import librosa
from torch import Tensor

from ai_mixer.metrics.features.mono import RATE_HZ, to_mono

NOTES = ("c", "c_sharp", "d", "d_sharp", "e", "f", "f_sharp", "g", "g_sharp", "a", "a_sharp", "b")
AXES = ("fifth_x", "fifth_y", "minor_x", "minor_y", "major_x", "major_y")


def harmony(audio: Tensor, sample_rate: int) -> dict[str, float]:
    """Compute chroma and tonnetz, means over frames. audio: [C, T], at any level.

    Chroma: share of each of twelve notes, 0–1, tuned to A = 440 Hz. Tonnetz: centroid of those
    notes on the circles of fifths, minor and major thirds (Harte, Sandler & Gasser 2006).
    """
    # Fixed tuning: an estimated one is not comparable between songs.
    chroma = librosa.feature.chroma_stft(y=to_mono(audio, sample_rate), sr=RATE_HZ, tuning=0.0)
    tonnetz = librosa.feature.tonnetz(chroma=chroma, sr=RATE_HZ)
    return {
        **{f"chroma_{n}": float(c) for n, c in zip(NOTES, chroma.mean(axis=1), strict=True)},
        **{f"tonnetz_{n}": float(c) for n, c in zip(AXES, tonnetz.mean(axis=1), strict=True)},
    }
