"""Protocol A: how far a mix is from the finished version, as a listener at equal loudness hears it.

Spectra are compared after both are brought to the finished version's loudness; level, crest and
width are compared as they are. Everything per song: [B, C, T] → [B].
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

RESOLUTIONS = (512, 2048, 8192)  # samples; hop a quarter
FLOOR_DB = -90.0  # noise below this level is not heard
QUIET_DB = -60.0  # spectral convergence is relative to at least this
SIDE_FLOOR = 0.1  # … and for the side to at least this share of the mid
MATCH_LIMIT_DB = 60.0
BLOCK_SAMPLES = 1 << 16  # samples at a time


class FinishedTarget:
    """A finished version that several mixes are compared with: what depends on it is kept.

    finished: [B, C, T], full scale = 1. Its spectra take 48 bytes for each sample of a channel.
    """

    @torch.no_grad()
    def __init__(self, finished: Tensor, sample_rate: int) -> None:
        self.shape, self.sample_rate = finished.shape, sample_rate
        self.loudness = loudness_lufs(finished, sample_rate)
        self.crest_db, self.width_db = crest_db(finished), width_db(finished)
        self.bands_db = _bands_db(finished, sample_rate)
        self.spectra = [_spectra(song) for song in _mid_side_or_mono(finished)]

    @torch.no_grad()
    def distances(self, mix: Tensor) -> dict[str, Tensor]:
        """All of protocol A by name: [B] each. mix: [B, C, T], of the finished version's shape.

        `stft` (ratio), `spectrum_db`, `loudness_lu`, `crest_db`, `width_db`; 0 = identical.
        """
        if mix.shape != self.shape:
            raise ValueError(
                f"mix {tuple(mix.shape)} and finished {tuple(self.shape)} differ in shape"
            )
        gap = self.loudness - loudness_lufs(mix, self.sample_rate)
        matched = apply_gain_db(mix, gap)
        pairs = zip(
            _mid_side_or_mono(matched), self.spectra, strict=True
        )  # one song at a time: memory
        bands_db = _bands_db(matched, self.sample_rate)
        return {
            "stft": torch.stack([_song_distance(*pair) for pair in pairs]),
            "spectrum_db": (bands_db - self.bands_db).abs().mean(-1),
            "loudness_lu": gap.abs(),
            "crest_db": (crest_db(mix) - self.crest_db).abs(),
            "width_db": (width_db(mix) - self.width_db).abs(),
        }


def distances(mix: Tensor, finished: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """All of protocol A by name: [B] each, see `FinishedTarget`. mix, finished: [B, C, T]."""
    return FinishedTarget(finished, sample_rate).distances(mix)


@torch.no_grad()
def stft_distance(mix: Tensor, finished: Tensor) -> Tensor:
    """Mid/side multi-resolution STFT distance: [B, C, T] → [B].

    Spectral convergence + mean |Δ ln magnitude| (Yamamoto et al., ICASSP 2020, eqs. 3–6), averaged
    over resolutions and over mid and side; floors keep an inaudible side from deciding.
    """
    pairs = zip(_mid_side_or_mono(mix), _mid_side_or_mono(finished), strict=True)
    return torch.stack([_song_distance(one, _spectra(other)) for one, other in pairs])


def spectrum_error_db(mix: Tensor, finished: Tensor, sample_rate: int) -> Tensor:
    """Mean |Δ| of the third-octave levels 31.5 Hz–16 kHz, channels summed: [B, C, T] → [B], dB."""
    return (_bands_db(mix, sample_rate) - _bands_db(finished, sample_rate)).abs().mean(-1)


def apply_gain_db(audio: Tensor, gain_db: Tensor) -> Tensor:
    """[B, C, T] louder by gain_db [B], at most 60 dB either way: silence stays quiet."""
    return audio * db_to_ratio(gain_db.clamp(-MATCH_LIMIT_DB, MATCH_LIMIT_DB))[:, None, None]


def closeness(mix_distance: Tensor, rough_distance: Tensor) -> Tensor:
    """1 − d(mix) / d(rough): 1 = arrived, 0 = as far as before, negative = worse. NaN if d = 0."""
    ratio = mix_distance / rough_distance
    return torch.where(rough_distance > 0, 1.0 - ratio, torch.nan)


def _bands_db(x: Tensor, sample_rate: int) -> Tensor:
    """[B, C, T] → [B, bands]"""
    return power_to_db(third_octave_power(x, sample_rate).mean(1), FLOOR_DB)


def _spectra(song: Tensor) -> dict[int, list[Tensor]]:
    """Of one song, [views, T]: its blocks of magnitudes at each resolution."""
    return {n_fft: list(_magnitudes(song, n_fft)) for n_fft in RESOLUTIONS}


def _song_distance(mix: Tensor, finished: dict[int, list[Tensor]]) -> Tensor:
    """[views, T] and the spectra of the finished version → []"""
    return torch.stack([_resolution(mix, *pair) for pair in finished.items()]).mean()


def _resolution(mix: Tensor, n_fft: int, finished: list[Tensor]) -> Tensor:
    """Sums over blocks, so that what is worked on stays in the cache."""
    miss, size, logarithms = torch.zeros(3, len(mix), dtype=torch.float64, device=mix.device)
    for x, y in zip(_magnitudes(mix, n_fft), finished, strict=True):
        miss += (x - y).square_().sum((-2, -1))
        size += y.square().sum((-2, -1))
        logarithms += x.div_(y).log_().abs_().sum((-2, -1))
    count = sum(y[0].numel() for y in finished)
    miss, size = miss.sqrt(), size.sqrt()
    least = (SIDE_FLOOR * size.max()).clamp_min(noise_magnitude(n_fft, QUIET_DB) * math.sqrt(count))
    distance = (miss / size.maximum(least)).mean() + (logarithms / count).mean()
    return distance.to(mix.dtype)


def _magnitudes(x: Tensor, n_fft: int) -> Iterator[Tensor]:
    """`magnitude` of [views, T] in blocks: [views, frames, bins], at least at the floor."""
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


def _mid_side_or_mono(x: Tensor) -> Tensor:
    """Mid and side of stereo [B, 2, T]; mono stays as it is."""
    return x if x.shape[1] == 1 else mid_side(x)
