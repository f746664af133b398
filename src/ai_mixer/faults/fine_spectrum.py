"""Spectrum in twelfths of an octave: resonances, and the frequency above which there is nothing."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from ai_mixer.dsp import filters
from ai_mixer.dsp.spectra import band_power, short_time_power
from ai_mixer.faults.fault_profile import RATE_HZ, neighbour_contrast_db

N_FFT_S = 8192 / 44100
BANDS_PER_OCTAVE = 12
LOWEST_HZ, HIGHEST_HZ = 200.0, 20_000.0
RESONANCE_HZ = (700.0, 6000.0)
RESONANCE_SHARE = 0.15  # quantile over time: notes come and go, a resonance stays
NEIGHBOURS, NEAREST = 9, 2  # twelfths of an octave on each side; the nearest are not counted
RESONANCE_Q, PEAK_DB = 8.0, 9.0
AROUND = 6  # bands on each side of `RESONANCE_HZ` in which a resonance can be seen
EDGE_HZ = (4000.0, 15_000.0)  # where a band limit is looked for; lossy encoders cut above
FLOOR = 1e-13


@lru_cache(maxsize=1)
def centres_hz() -> Tensor:
    """Centres of the bands, [bands]."""
    count = round(BANDS_PER_OCTAVE * math.log2(HIGHEST_HZ / LOWEST_HZ))
    return LOWEST_HZ * 2.0 ** (torch.arange(count) / BANDS_PER_OCTAVE)


def fine_levels_db(audio: Tensor, sample_rate: int) -> Tensor:
    """Level of each band over those around it at almost all times, and mean level, dB.

    [C, T] → [2, bands]. The first is a low quantile over time.
    """
    size = 2 ** round(math.log2(N_FFT_S * sample_rate))
    missing = max(0, size - audio.shape[-1])
    window = torch.hann_window(size)
    padded = torch.nn.functional.pad(audio, (0, missing))
    power = short_time_power(padded, window, size, size // 2).mean(0) * (8 / 3 / size**2)
    half = 2.0 ** (0.5 / BANDS_PER_OCTAVE)
    edges = torch.cat([centres_hz() / half, centres_hz()[-1:] * half])
    bands = band_power(power, sample_rate, tuple(edges.tolist()))
    contrast = neighbour_contrast_db(10 * bands.clamp_min(FLOOR).log10(), NEIGHBOURS, NEAREST)
    mean_db = 10 * bands.mean(0).clamp_min(FLOOR).log10()
    return torch.stack([contrast.quantile(RESONANCE_SHARE, 0), mean_db])


def resonance_bands() -> Tensor:
    """Which bands are used to find a resonance, bool [bands]."""
    low, high = RESONANCE_HZ
    margin = 2.0 ** (AROUND / BANDS_PER_OCTAVE)
    return (centres_hz() >= low / margin) & (centres_hz() <= high * margin)


@lru_cache(maxsize=1)
def resonance_templates() -> Tensor:
    """Contrast of a resonance of 1 dB at each of many frequencies, [frequencies, bands]."""
    low, high = RESONANCE_HZ
    count = round(2 * BANDS_PER_OCTAVE * math.log2(high / low))
    frequencies = low * 2.0 ** (torch.arange(count) / (2 * BANDS_PER_OCTAVE))
    rows = [_peak_db(float(frequency)) for frequency in frequencies]
    contrast = neighbour_contrast_db(torch.stack(rows), NEIGHBOURS, NEAREST)
    return (contrast[:, resonance_bands()] / PEAK_DB).double()


def _peak_db(frequency_hz: float) -> Tensor:
    """Gain of a peak of `PEAK_DB` per band, dB: mean power at nine frequencies of each."""
    offsets = 2.0 ** (torch.linspace(-0.5, 0.5, 9) / BANDS_PER_OCTAVE)
    hz = centres_hz()[:, None] * offsets
    b, a = filters.peak(torch.tensor([PEAK_DB]).double(), frequency_hz, RESONANCE_Q, RATE_HZ)
    z = torch.polar(torch.ones_like(hz), -2 * math.pi * hz / RATE_HZ).to(torch.complex128)
    powers = torch.stack([torch.ones_like(z), z, z * z], -1)
    gain = (powers @ b[0].to(z)).abs() / (powers @ a[0].to(z)).abs()
    return 20 * gain.square().mean(1).sqrt().log10()


def band_limit(mean_db: Tensor) -> tuple[float, float]:
    """Frequency in Hz of the steepest edge, and its drop in dB. mean_db: [bands]."""
    centres = centres_hz()
    best = (0.0, 0.0)
    for index in (
        torch.nonzero((centres >= EDGE_HZ[0]) & (centres <= EDGE_HZ[1])).flatten().tolist()
    ):
        below = float(mean_db[index - 3 : index].mean())
        above = float(mean_db[index + 2 : index + 5].max())
        best = max(best, (below - above, float(centres[index])))
    return best[1], best[0]
