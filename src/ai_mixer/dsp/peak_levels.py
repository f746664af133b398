"""Level of the loudest channel, which compressors measure."""

import math

import numpy as np
import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.recursions import FASTMATH_FLAGS, Array, as_rows, run_on_rows
from ai_mixer.dsp.vector_math import fast_exp, log_in_place
from ai_mixer.utils.compilation import njit

SILENCE_AMPLITUDE = 10.0 ** (SILENCE_DB / 20.0)
NEPERS_PER_DB = math.log(10.0) / 20.0
PART_SAMPLES = 256  # processed together: few enough for the L1 cache


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


def level_of_peak_db(peak: Array, dtype: torch.dtype = torch.float64) -> Array:
    """Level in dBFS, [B, T] float64, exact to 1e-7 dB for audio of float32."""
    if dtype == torch.float64:
        # Torch's logarithm is vectorised; numba would call the C library's for each sample.
        return torch.from_numpy(peak).log().div_(NEPERS_PER_DB).numpy()
    level_db = np.empty_like(peak)
    run_on_rows(_level_rows, peak, level_db)
    return level_db


def ratio_of_gain_db(gain_db: Array, dtype: torch.dtype) -> Tensor:
    """Amplitude ratio of a gain [B, T] of at most 0 dB, in a type."""
    if dtype == torch.float64:
        return (torch.from_numpy(gain_db) * NEPERS_PER_DB).exp_()
    ratio = np.empty(gain_db.shape, np.float32)
    run_on_rows(_ratio_rows, gain_db, ratio)
    return torch.from_numpy(ratio).to(dtype)


@njit(cache=True, nogil=True)
def _max_over_channels_rows(audio, peak):  # type: ignore[no-untyped-def]
    for song in range(audio.shape[0]):
        peak[song] = SILENCE_AMPLITUDE
        for channel in range(audio.shape[1]):
            for n in range(audio.shape[2]):
                peak[song, n] = max(peak[song, n], abs(np.float64(audio[song, channel, n])))


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _level_rows(peak, level_db):  # type: ignore[no-untyped-def]
    exponents = np.empty(PART_SAMPLES)
    for song in range(len(peak)):
        for start in range(0, peak.shape[1], PART_SAMPLES):
            x = peak[song][start : start + PART_SAMPLES]
            part = level_db[song][start : start + PART_SAMPLES]
            for n in range(len(part)):
                part[n] = x[n]
            log_in_place(part, exponents[: len(part)])
            for n in range(len(part)):
                part[n] *= 1.0 / NEPERS_PER_DB


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _ratio_rows(gain_db, ratio):  # type: ignore[no-untyped-def]
    for song in range(len(gain_db)):
        gains, out = gain_db[song], ratio[song]
        for n in range(len(out)):
            out[n] = fast_exp(gains[n] * NEPERS_PER_DB)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def add_gain_gradient(grad, x, ratio, grad_gain):  # type: ignore[no-untyped-def]
    """Add the gradient of one channel, x · ratio, to that of the gain in dB; 1-D arrays."""
    for n in range(x.shape[0]):
        grad_gain[n] += np.float64(grad[n]) * np.float64(x[n]) * ratio[n] * NEPERS_PER_DB
