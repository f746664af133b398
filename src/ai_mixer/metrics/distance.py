"""Protocol A: how far a mix is from the finished version, as a listener at equal loudness hears it.

Spectra are compared after both are brought to the finished version's loudness; level, crest and
width are compared as they are. Everything per song: [B, C, T] → [B].
"""

import math

import torch
from torch import Tensor

from ai_mixer.dsp.levels import crest_db, width_db
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.spectra import (
    magnitude,
    mid_side,
    noise_magnitude,
    power_to_db,
    third_octave_power,
)
from ai_mixer.units import db_to_ratio

RESOLUTIONS = (512, 2048, 8192)  # samples; hop a quarter
FLOOR_DB = -90.0  # noise below this level is not heard
QUIET_DB = -60.0  # spectral convergence is relative to at least this
SIDE_FLOOR = 0.1  # … and for the side to at least this share of the mid
MATCH_LIMIT_DB = 60.0


@torch.no_grad()
def distances(mix: Tensor, finished: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """All of protocol A by name: [B] each. mix, finished: [B, C, T], full scale = 1.

    `stft` (ratio), `spectrum_db`, `loudness_lu`, `crest_db`, `width_db`; 0 = identical.
    """
    if mix.shape != finished.shape:
        raise ValueError(
            f"mix {tuple(mix.shape)} and finished {tuple(finished.shape)} differ in shape"
        )
    gap = loudness_lufs(finished, sample_rate) - loudness_lufs(mix, sample_rate)
    matched = turned_up(mix, gap)
    return {
        "stft": stft_distance(matched, finished),
        "spectrum_db": spectrum_error_db(matched, finished, sample_rate),
        "loudness_lu": gap.abs(),
        "crest_db": (crest_db(mix) - crest_db(finished)).abs(),
        "width_db": (width_db(mix) - width_db(finished)).abs(),
    }


def stft_distance(mix: Tensor, finished: Tensor) -> Tensor:
    """Mid/side multi-resolution STFT distance: [B, C, T] → [B].

    Spectral convergence + mean |Δ ln magnitude| (Yamamoto et al., ICASSP 2020, eqs. 3–6), averaged
    over resolutions and over mid and side; floors keep an inaudible side from deciding.
    """
    pairs = zip(_views(mix), _views(finished), strict=True)  # one song at a time: memory
    return torch.stack([_song_distance(*pair) for pair in pairs])


def spectrum_error_db(mix: Tensor, finished: Tensor, sample_rate: int) -> Tensor:
    """Mean |Δ| of the third-octave levels 31.5 Hz–16 kHz, channels summed: [B, C, T] → [B], dB."""
    levels = [
        power_to_db(third_octave_power(x, sample_rate).mean(1), FLOOR_DB) for x in (mix, finished)
    ]
    return (levels[0] - levels[1]).abs().mean(-1)


def turned_up(audio: Tensor, gain_db: Tensor) -> Tensor:
    """[B, C, T] louder by gain_db [B], at most 60 dB either way: silence stays quiet."""
    return audio * db_to_ratio(gain_db.clamp(-MATCH_LIMIT_DB, MATCH_LIMIT_DB))[:, None, None]


def closeness(mix_distance: Tensor, rough_distance: Tensor) -> Tensor:
    """1 − d(mix) / d(rough): 1 = arrived, 0 = as far as before, negative = worse. NaN if d = 0."""
    ratio = mix_distance / rough_distance
    return torch.where(rough_distance > 0, 1.0 - ratio, torch.nan)


def _song_distance(mix: Tensor, finished: Tensor) -> Tensor:
    """[views, T] → []"""
    return torch.stack([_resolution(mix, finished, n) for n in RESOLUTIONS]).mean()


def _resolution(mix: Tensor, finished: Tensor, n_fft: int) -> Tensor:
    floor = noise_magnitude(n_fft, FLOOR_DB)
    x, y = (magnitude(signal, n_fft, n_fft // 4, floor) for signal in (mix, finished))
    miss, size = (z.square().sum((-2, -1)).sqrt() for z in (x - y, y))
    least = (SIDE_FLOOR * size.max()).clamp_min(
        noise_magnitude(n_fft, QUIET_DB) * math.sqrt(y[0].numel())
    )
    return (miss / size.maximum(least)).mean() + (x.log() - y.log()).abs().mean()


def _views(x: Tensor) -> Tensor:
    """Mid and side of stereo [B, 2, T]; mono stays as it is."""
    return x if x.shape[1] == 1 else mid_side(x)
