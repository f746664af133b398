"""Filtering in the frequency domain, without circular wrap-around, and RMS matching."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

MIN_RMS = 1e-12  # −240 dB: treated as silence
FILTER_TAIL_S = 0.1  # zero padding for the ringing of a filter


def apply_frequency_response(
    audio: Tensor, sample_rate: int, response: Callable[[Tensor], Tensor], length: int | None = None
) -> Tensor:
    """Filter audio [..., T] by a frequency response. Returns [..., T].

    response: frequencies [F] in Hz → [F], real (zero phase) or complex. length: samples of the
    filter's impulse response; default 0.1 s.
    """
    padding = round(FILTER_TAIL_S * sample_rate) if length is None else length
    n = int(next_fast_len(audio.shape[-1] + padding, real=True))
    spectrum = torch.fft.rfft(audio, n)
    spectrum = spectrum * response(fft_frequencies(n, sample_rate)).to(spectrum.device)
    return torch.fft.irfft(spectrum, n)[..., : audio.shape[-1]]


def fft_frequencies(n: int, sample_rate: int) -> Tensor:
    """Frequencies [n // 2 + 1] in Hz, float32, of a real FFT of n samples."""
    return torch.from_numpy(np.fft.rfftfreq(n, 1.0 / sample_rate).astype(np.float32))


def match_rms(audio: Tensor, target: Tensor) -> Tensor:
    """Scale audio to the RMS of target; silence stays silent."""
    return audio * (rms(target) / rms(audio).clamp_min(MIN_RMS))


def rms(audio: Tensor) -> Tensor:
    """Root mean square over channels and time: a scalar."""
    return audio.square().mean().sqrt()
