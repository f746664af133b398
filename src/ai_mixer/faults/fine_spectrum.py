"""Spectrum in twelfths of an octave: resonances, and the frequency above which there is nothing."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from ai_mixer.dsp.spectra import band_power, short_time_power

N_FFT_S = 8192 / 44100
BANDS_PER_OCTAVE = 12
LOWEST_HZ, HIGHEST_HZ = 200.0, 20_000.0
RESONANCE_HZ = (700.0, 6000.0)
QUIET_SHARE = 0.25  # quantile over time: notes come and go, a resonance stays
NEIGHBOURS = 9  # twelfths of an octave on each side
EDGE_HZ = (4000.0, 15_000.0)  # where a band limit is looked for; lossy encoders cut above
FLOOR = 1e-13


@lru_cache(maxsize=1)
def centres_hz() -> Tensor:
    """Centres of the bands, [bands]."""
    count = round(BANDS_PER_OCTAVE * math.log2(HIGHEST_HZ / LOWEST_HZ))
    return LOWEST_HZ * 2.0 ** (torch.arange(count) / BANDS_PER_OCTAVE)


def fine_levels_db(audio: Tensor, sample_rate: int) -> Tensor:
    """Quantile over time and mean of the level per band: [C, T] → [2, bands], dB."""
    size = 2 ** round(math.log2(N_FFT_S * sample_rate))
    missing = max(0, size - audio.shape[-1])
    window = torch.hann_window(size)
    padded = torch.nn.functional.pad(audio, (0, missing))
    power = short_time_power(padded, window, size, size // 2).mean(0) * (8 / 3 / size**2)
    half = 2.0 ** (0.5 / BANDS_PER_OCTAVE)
    edges = torch.cat([centres_hz() / half, centres_hz()[-1:] * half])
    bands = band_power(power, sample_rate, tuple(edges.tolist()))
    levels = torch.stack([bands.quantile(QUIET_SHARE, 0), bands.mean(0)])
    return 10 * levels.clamp_min(FLOOR).log10()


def resonances_db(quiet_db: Tensor) -> Tensor:
    """Level of each two bands over the median of those around them: [..., bands] → [..., n], dB.

    Between 700 Hz and 6 kHz; the frequencies are `resonance_centres_hz`.
    """
    rows = quiet_db.reshape(-1, 1, quiet_db.shape[-1])
    padded = torch.nn.functional.pad(rows, (NEIGHBOURS, NEIGHBOURS), "replicate")[:, 0]
    excess = rows[:, 0] - padded.unfold(1, 2 * NEIGHBOURS + 1, 1).median(2).values
    pairs = (excess[:, 1:] + excess[:, :-1]) / 2
    return pairs[:, _resonance_bands()].reshape(*quiet_db.shape[:-1], -1)


def resonance_centres_hz() -> Tensor:
    """Frequencies of `resonances_db`, [n]."""
    return (centres_hz()[:-1] * 2.0 ** (0.5 / BANDS_PER_OCTAVE))[_resonance_bands()]


def _resonance_bands() -> Tensor:
    low, high = RESONANCE_HZ
    return (centres_hz()[:-1] >= low) & (centres_hz()[1:] <= high)


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
