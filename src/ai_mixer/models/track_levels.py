"""Levels in bands and over time, and their scale as input features of models of several tracks."""

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d

COARSE = 10  # groups of bands
GAIN_GROUPS = 6  # of the frames of a track, from quiet to loud
FLOOR_DB = -100.0
RANGE_DB, SCALE_DB = 40.0, 10.0  # differences are clamped to ± the first, divided by the second


def spectra_of(x: Tensor, n_fft: int, hop: int) -> Tensor:
    """[..., T] → complex [..., F, frames]."""
    flat = x.reshape(-1, x.shape[-1])
    flat = nn.functional.pad(flat, (0, max(0, n_fft - flat.shape[-1])))
    window = torch.hann_window(n_fft, device=x.device)
    spectra = torch.stft(flat, n_fft, hop, window=window, return_complex=True)
    return spectra.reshape(*x.shape[:-1], *spectra.shape[1:])


def power_of(spectra: Tensor) -> Tensor:
    """Squared magnitude of complex numbers."""
    return torch.view_as_real(spectra).square().sum(-1)


def band_levels_db(power: Tensor, bands: Tensor) -> Tensor:
    """[..., F, frames] → dB in bands [..., bands, frames]."""
    banded = torch.einsum("...ft,fb->...bt", power, bands)
    return 10.0 * (banded + 10.0 ** (FLOOR_DB / 10.0)).log10()


def gain_by_level(gain: Tensor, level: Tensor) -> Tensor:
    """Mean gain of equal groups of frames, quietest to loudest: [N, frames] → [N, GAIN_GROUPS]."""
    ordered = gain.gather(-1, level.argsort(dim=-1))
    return pooled(ordered, GAIN_GROUPS)


def sum_of_levels_db(levels_db: Tensor) -> Tensor:
    """Level of the sum of powers: [N, bands] → [bands]."""
    power = (10.0 ** (levels_db / 10.0)).sum(0)
    return 10.0 * power.clamp_min(10.0 ** (FLOOR_DB / 10.0)).log10()


def relative(levels_db: Tensor) -> Tensor:
    """Levels without the mean over the last dimension."""
    return levels_db - levels_db.mean(-1, keepdim=True)


def scaled(difference_db: Tensor) -> Tensor:
    """Decibels as a feature: clamped, divided by SCALE_DB."""
    return difference_db.clamp(-RANGE_DB, RANGE_DB) / SCALE_DB


def coarse(bands: Tensor) -> Tensor:
    """[..., bands] → [..., COARSE]."""
    return pooled(bands, COARSE)


def pooled(x: Tensor, count: int) -> Tensor:
    """Means of equal parts of the last dimension, [..., count]."""
    return adaptive_avg_pool1d(x.reshape(-1, 1, x.shape[-1]), count).reshape(*x.shape[:-1], count)
