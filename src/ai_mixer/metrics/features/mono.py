"""Input of librosa's features: one channel at one rate, so that all songs are comparable."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai_mixer.dsp.resample import resample

RATE_HZ = 22_050  # Hz; librosa's own
MIN_SAMPLES = 4096  # samples; shorter audio is padded with silence


def to_mono(audio: Tensor, sample_rate: int) -> NDArray[np.float32]:
    """Convert [C, T] to mono [T'] at RATE_HZ with a peak of 1; silence stays silent."""
    signal = resample(audio.float().mean(0), sample_rate, RATE_HZ).numpy()
    signal = np.pad(signal, (0, max(0, MIN_SAMPLES - len(signal))))
    peak = np.abs(signal).max()
    return signal / peak if peak > 0 else signal
