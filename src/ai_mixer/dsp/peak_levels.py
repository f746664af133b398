"""Level of the loudest channel, which compressors measure."""

import math

import numpy as np
import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.recursions import Array, as_rows, run_on_rows
from ai_mixer.utils.compilation import njit

SILENCE_AMPLITUDE = 10.0 ** (SILENCE_DB / 20.0)
NEPERS_PER_DB = math.log(10.0) / 20.0


def levels_db(x: Tensor) -> Array:
    """Level of the loudest channel of x, [B, C, T]: [B, T] float64 in dBFS, at least SILENCE_DB."""
    return level_of_peak_db(max_over_channels(to_array(x)))


def to_array(x: Tensor) -> Array:
    """Convert to an array [B, C, T]."""
    return as_rows(x).reshape(x.shape)


def max_over_channels(audio: Array) -> Array:
    """Amplitude of the loudest channel: [B, T] float64, at least `SILENCE_AMPLITUDE`."""
    peak = np.empty((audio.shape[0], audio.shape[2]))
    run_on_rows(_max_over_channels_rows, audio, peak)
    return peak


def level_of_peak_db(peak: Array) -> Array:
    """Level in dBFS."""
    # Torch's logarithm is vectorised; numba would call that of the C library for each sample.
    return torch.from_numpy(peak).log().div_(NEPERS_PER_DB).numpy()


@njit(cache=True, nogil=True)
def _max_over_channels_rows(audio, peak):  # type: ignore[no-untyped-def]
    for song in range(audio.shape[0]):
        peak[song] = SILENCE_AMPLITUDE
        for channel in range(audio.shape[1]):
            for n in range(audio.shape[2]):
                peak[song, n] = max(peak[song, n], abs(np.float64(audio[song, channel, n])))
