"""Protocol S: compliance of a mix with standards of professional delivery.

Loudness, true peak, crest, tonal balance in the five named bands, centroid and RMS change, per
song: [B, C, T] → [B]. `CHECKS` has the interval in which each value meets the standard.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.core.units import db_to_ratio, ratio_to_db
from ai_mixer.dsp.levels import crest_db, rms_db
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.spectra import band_power, centroid_hz, long_term_power
from ai_mixer.dsp.true_peak import true_peak

PREFIX = "standard/"
BANDS = ("sub_bass", "bass", "mids", "high_mids", "highs")
EDGES_HZ = (20.0, 60.0, 200.0, 2000.0, 6000.0, 20_000.0)
EMPTY_DB = -60.0  # lower bound of a band's share


class Check(NamedTuple):
    """A column of `standards` and the closed interval in which it meets the standard."""

    column: str
    low: float
    high: float


CHECKS = {
    "within 1 LU": Check("loudness_error_lu", -1.0, 1.0),
    "within 3 LU": Check("loudness_error_lu", -3.0, 3.0),
    "below ceiling": Check("over_ceiling_db", -torch.inf, 0.0),
    "crest 8–15 dB": Check("crest_db", 8.0, 15.0),
    "centroid ±10 %": Check("centroid_ratio", 0.9, 1.1),
    "RMS 0.8–1.2": Check("rms_ratio", 0.8, 1.2),
    "THD+N < 0.1 %": Check("thd_n_percent", 0.0, 0.1),  # measured by `metrics.distortion`
}


@torch.no_grad()
def standards(
    mix: Tensor,
    rough: Tensor,
    finished: Tensor,
    sample_rate: int,
    target_lufs: float | Tensor = -14.0,
    ceiling_dbtp: float = -1.0,
    finished_spectrum: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return the columns `standard/…` of a record: [B] each.

    mix, rough, finished: [B, C, T]; target_lufs: number or [B]; finished_spectrum:
    `power_spectrum` of finished, to avoid computing it for each of several mixes.
    Columns: `loudness_lufs`, `loudness_error_lu` (over the target), `true_peak_dbtp`,
    `over_ceiling_db`, `crest_db`; for each band `<band>_db` (its share of the power of all five)
    and `<band>_error_db` (that over the finished version's); `centroid_hz`, `centroid_ratio` (over
    finished; NaN where either is silent), `rms_ratio` (over rough). ValueError if shapes differ.
    """
    if not mix.shape == rough.shape == finished.shape:
        shapes = ", ".join(str(tuple(x.shape)) for x in (mix, rough, finished))
        raise ValueError(f"mix, rough and finished differ in shape: {shapes}")
    loudness = loudness_lufs(mix, sample_rate)
    peak_db = ratio_to_db(true_peak(mix))
    spectrum = power_spectrum(mix, sample_rate)
    if finished_spectrum is None:
        finished_spectrum = power_spectrum(finished, sample_rate)
    centroid = centroid_hz(spectrum, sample_rate)
    values = {
        "loudness_lufs": loudness,
        "loudness_error_lu": loudness - target_lufs,
        "true_peak_dbtp": peak_db,
        "over_ceiling_db": peak_db - ceiling_dbtp,
        "crest_db": crest_db(mix),
        **_bands(spectrum, finished_spectrum, sample_rate),
        "centroid_hz": centroid,
        "centroid_ratio": centroid / centroid_hz(finished_spectrum, sample_rate),
        "rms_ratio": db_to_ratio(rms_db(mix) - rms_db(rough)),
    }
    return {PREFIX + name: value for name, value in values.items()}


def power_spectrum(x: Tensor, sample_rate: int) -> Tensor:
    """Compute the long-term power spectrum, mean over channels: [B, C, T] → [B, bins]."""
    return long_term_power(x, sample_rate).mean(1)


def band_shares_db(spectrum: Tensor, sample_rate: int) -> Tensor:
    """Compute each band's share of the power of all five, in dB from `EMPTY_DB` to 0.

    spectrum: [..., bins] of `power_spectrum` → [..., 5]. Silence gives `EMPTY_DB` in every band.
    """
    power = band_power(spectrum, sample_rate, EDGES_HZ)
    share = power / power.sum(-1, keepdim=True).clamp_min(torch.finfo(power.dtype).tiny)
    return 10.0 * share.clamp_min(10.0 ** (EMPTY_DB / 10.0)).log10()


def _bands(spectrum: Tensor, finished_spectrum: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Levels and errors of the bands, from the spectra [B, bins] of mix and finished version."""
    mix_db, finished_db = (band_shares_db(x, sample_rate) for x in (spectrum, finished_spectrum))
    levels = dict(zip([f"{name}_db" for name in BANDS], mix_db.unbind(-1), strict=True))
    errors = (mix_db - finished_db).unbind(-1)
    return levels | dict(zip([f"{name}_error_db" for name in BANDS], errors, strict=True))
