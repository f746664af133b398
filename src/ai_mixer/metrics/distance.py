"""Protocol A: distances between a mix and the finished version.

Spectra are compared at the loudness of the finished version; level, crest and width are compared
as they are. One value per song: [B, C, T] → [B].
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.levels import crest_db, width_db
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.spectra import (
    mid_side,
    noise_magnitude,
    power_to_db,
    short_time_power,
    third_octave_power,
)

RESOLUTIONS = (512, 2048, 8192)  # samples; the hop is a quarter
FLOOR_DB = -90.0  # noise below this level counts as inaudible
QUIET_DB = -60.0  # lower bound of the denominator of spectral convergence
SIDE_FLOOR = 0.1  # lower bound of that denominator for the side, as a share of the mid
MATCH_LIMIT_DB = 60.0
BLOCK_SAMPLES = 1 << 16  # samples per block


class FinishedTarget:
    """Finished version with its measurements cached, to compare several mixes with it.

    finished: [B, C, T], full scale = 1. The cached spectra take 48 bytes per sample and channel.
    """

    @torch.no_grad()
    def __init__(self, finished: Tensor, sample_rate: int) -> None:
        self.shape, self.sample_rate = finished.shape, sample_rate
        self.loudness = loudness_lufs(finished, sample_rate)
        self.crest_db, self.width_db = crest_db(finished), width_db(finished)
        self.bands_db = _bands_db(finished, sample_rate)
        self.spectra = [_spectra(song) for song in mid_side(finished)]

    @torch.no_grad()
    def distances(self, mix: Tensor) -> dict[str, Tensor]:
        """Return all distances of protocol A by name: [B] each, 0 = identical.

        mix: [B, C, T], same shape as the finished version. Names: `stft` (ratio), `spectrum_db`,
        `loudness_lu`, `crest_db`, `width_db`. ValueError if the shapes differ.
        """
        if mix.shape != self.shape:
            raise ValueError(
                f"mix {tuple(mix.shape)} and finished {tuple(self.shape)} differ in shape"
            )
        gap = self.loudness - loudness_lufs(mix, self.sample_rate)
        matched = apply_gain_db(mix, gap)
        # One song at a time, to save memory.
        pairs = zip(mid_side(matched), self.spectra, strict=True)
        bands_db = _bands_db(matched, self.sample_rate)
        return {
            "stft": torch.stack([_song_distance(*pair) for pair in pairs]),
            "spectrum_db": (bands_db - self.bands_db).abs().mean(-1),
            "loudness_lu": gap.abs(),
            "crest_db": (crest_db(mix) - self.crest_db).abs(),
            "width_db": (width_db(mix) - self.width_db).abs(),
        }


def distances(mix: Tensor, finished: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Return all distances of protocol A: see `FinishedTarget.distances`. Both [B, C, T]."""
    return FinishedTarget(finished, sample_rate).distances(mix)


@torch.no_grad()
def stft_distance(mix: Tensor, finished: Tensor) -> Tensor:
    """Compute the mid/side multi-resolution STFT distance: [B, C, T] → [B].

    Spectral convergence + mean |Δ ln magnitude| (Yamamoto et al., ICASSP 2020, eqs. 3–6), averaged
    over resolutions and over mid and side. Floors limit the effect of an inaudible side.
    """
    pairs = zip(mid_side(mix), mid_side(finished), strict=True)
    return torch.stack([_song_distance(song, _spectra(target)) for song, target in pairs])


def spectrum_error_db(mix: Tensor, finished: Tensor, sample_rate: int) -> Tensor:
    """Compute the mean |Δ| of third-octave levels, 31.5 Hz–16 kHz: [B, C, T] → [B], dB."""
    return (_bands_db(mix, sample_rate) - _bands_db(finished, sample_rate)).abs().mean(-1)


def apply_gain_db(audio: Tensor, gain_db: Tensor) -> Tensor:
    """Apply gain_db [B], clamped to ±60 dB so that silence stays quiet, to audio [B, C, T]."""
    return audio * db_to_ratio(gain_db.clamp(-MATCH_LIMIT_DB, MATCH_LIMIT_DB))[:, None, None]


def closeness(mix_distance: Tensor, rough_distance: Tensor) -> Tensor:
    """Compute 1 − d(mix) / d(rough): 1 = exact, 0 = as far as the rough; NaN if d(rough) = 0."""
    ratio = mix_distance / rough_distance
    return torch.where(rough_distance > 0, 1.0 - ratio, torch.nan)


def _bands_db(x: Tensor, sample_rate: int) -> Tensor:
    """Third-octave levels: [B, C, T] → [B, bands]."""
    return power_to_db(third_octave_power(x, sample_rate).mean(1), FLOOR_DB)


def _spectra(song: Tensor) -> dict[int, list[Tensor]]:
    """Magnitudes of one song [views, T] at each resolution, in blocks."""
    return {n_fft: list(_magnitudes(song, n_fft)) for n_fft in RESOLUTIONS}


def _song_distance(mix: Tensor, finished: dict[int, list[Tensor]]) -> Tensor:
    """STFT distance of one mix [views, T] to the spectra of the finished version: []."""
    return torch.stack([_resolution(mix, *pair) for pair in finished.items()]).mean()


def _resolution(mix: Tensor, n_fft: int, finished: list[Tensor]) -> Tensor:
    """STFT distance at one resolution. Summed over blocks that fit into the processor's cache."""
    error, norm, log_error = torch.zeros(3, len(mix), dtype=torch.float64, device=mix.device)
    for x, y in zip(_magnitudes(mix, n_fft), finished, strict=True):
        error += (x - y).square_().sum((-2, -1))
        norm += y.square().sum((-2, -1))
        log_error += x.div_(y).log_().abs_().sum((-2, -1))
    count = sum(y[0].numel() for y in finished)
    error, norm = error.sqrt(), norm.sqrt()
    floor = (SIDE_FLOOR * norm.max()).clamp_min(noise_magnitude(n_fft, QUIET_DB) * math.sqrt(count))
    distance = (error / norm.maximum(floor)).mean() + (log_error / count).mean()
    return distance.to(mix.dtype)


def _magnitudes(x: Tensor, n_fft: int) -> Iterator[Tensor]:
    """Yield STFT magnitudes of [views, T] in blocks [views, frames, bins], clamped at the floor."""
    hop = n_fft // 4
    floor = noise_magnitude(n_fft, FLOOR_DB)
    padded = pad(x, (0, max(0, n_fft - x.shape[-1])))
    centred = pad(padded, (n_fft // 2, n_fft // 2), mode="reflect")
    window = torch.hann_window(n_fft, dtype=x.dtype, device=x.device)
    frames = 1 + (centred.shape[-1] - n_fft) // hop
    block = max(1, BLOCK_SAMPLES // hop)
    for first in range(0, frames, block):
        last = min(first + block, frames) - 1
        part = centred[..., first * hop : last * hop + n_fft]
        yield short_time_power(part, window, n_fft, hop).clamp_min_(floor**2).sqrt_()
