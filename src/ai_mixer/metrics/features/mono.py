"""What librosa is given: one channel at one rate, so that figures of all songs compare."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai_mixer.dsp.resample import resample

RATE_HZ = 22_050  # Hz; librosa's own
MIN_SAMPLES = 4096  # samples; shorter sounds are filled up with silence


def to_mono(audio: Tensor, sample_rate: int) -> NDArray[np.float32]:
    """[C, T] → [T'] at RATE, the mean of the channels, at a peak of 1 (silence stays silent)."""
    signal = resample(audio.float().mean(0), sample_rate, RATE_HZ).numpy()
    signal = np.pad(signal, (0, max(0, MIN_SAMPLES - len(signal))))
    peak = np.abs(signal).max()
    return signal / peak if peak > 0 else signal
