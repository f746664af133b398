"""Shared by what changes a spectrum: filtering as a product, without wrapping round the ends."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

MIN_RMS = 1e-12  # −240 dB: nothing
FILTER_TAIL_S = 0.1  # silence behind the audio: what a filter rings or looks ahead


def apply_frequency_response(
    audio: Tensor, sample_rate: int, response: Callable[[Tensor], Tensor], length: int | None = None
) -> Tensor:
    """Audio [..., T] times a response over frequency. Returns [..., T].

    response: frequencies [F] in Hz → [F], real (no phase) or complex. length: how many samples the
    filter rings; default 0.1 s.
    """
    rings = round(FILTER_TAIL_S * sample_rate) if length is None else length
    n = int(next_fast_len(audio.shape[-1] + rings, real=True))
    spectrum = torch.fft.rfft(audio, n)
    return torch.fft.irfft(spectrum * response(fft_frequencies(n, sample_rate)), n)[
        ..., : audio.shape[-1]
    ]


def fft_frequencies(n: int, sample_rate: int) -> Tensor:
    """[n // 2 + 1] Hz, float32, of a real transform of n samples."""
    return torch.from_numpy(np.fft.rfftfreq(n, 1.0 / sample_rate).astype(np.float32))


def match_rms(audio: Tensor, model: Tensor) -> Tensor:
    """The audio with the RMS level of the model; silence stays silent."""
    return audio * (rms(model) / rms(audio).clamp_min(MIN_RMS))


def rms(audio: Tensor) -> Tensor:
    """Over channels and time."""
    return audio.square().mean().sqrt()
