"""Timbre features: MFCC, spectral centroid and contrast, zero crossings, by librosa."""

import librosa
from torch import Tensor

from ai_mixer.metrics.features.mono import RATE_HZ, to_mono

N_MFCC = 13


def timbre(audio: Tensor, sample_rate: int) -> dict[str, float]:
    """Compute timbre features: mean over frames, and `_std` or `_var`. audio: [C, T], any level.

    MFCC (librosa's HTK-free default; Davis & Mermelstein 1980), spectral centroid in Hz, spectral
    contrast per octave in dB (Jiang et al. 2002), zero crossings per sample.
    """
    signal = to_mono(audio, sample_rate)
    cepstra = librosa.feature.mfcc(y=signal, sr=RATE_HZ, n_mfcc=N_MFCC)
    contrast = librosa.feature.spectral_contrast(y=signal, sr=RATE_HZ).mean(axis=1)
    crossings = librosa.feature.zero_crossing_rate(signal)
    return {
        **{f"mfcc_{n}": float(c) for n, c in enumerate(cepstra.mean(axis=1))},
        **{f"mfcc_{n}_std": float(c) for n, c in enumerate(cepstra.std(axis=1))},
        "centroid_hz": float(librosa.feature.spectral_centroid(y=signal, sr=RATE_HZ).mean()),
        **{f"contrast_{n}_db": float(c) for n, c in enumerate(contrast)},
        "zero_crossings": float(crossings.mean()),
        "zero_crossings_var": float(crossings.var()),
    }
