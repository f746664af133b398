"""Rhythm features: tempo, onset rate and percussive share, by librosa."""

import librosa
import numpy as np
from torch import Tensor

from ai_mixer.metrics.features.mono import RATE_HZ, to_mono


def rhythm(audio: Tensor, sample_rate: int) -> dict[str, float]:
    """Compute tempo, onsets per second and percussive share. audio: [C, T], at any level.

    Tempo in beats per minute (Ellis 2007; sometimes off by an octave; 0 without onsets);
    percussive share of the energy, 0–1 (median filters; Fitzgerald 2010).
    """
    signal = to_mono(audio, sample_rate)
    strength = librosa.onset.onset_strength(y=signal, sr=RATE_HZ)
    onsets = librosa.onset.onset_detect(onset_envelope=strength, sr=RATE_HZ)
    tempo = librosa.feature.tempo(onset_envelope=strength, sr=RATE_HZ) if strength.any() else [0.0]
    harmonic, percussive = (
        np.square(np.abs(part)).sum() for part in librosa.decompose.hpss(librosa.stft(signal))
    )
    energy = float(harmonic + percussive)
    return {
        "tempo_bpm": float(tempo[0]),
        "onsets_per_s": len(onsets) * RATE_HZ / len(signal),
        "percussive_share": float(percussive) / energy if energy > 0 else 0.0,
    }
