"""Levels of a song or excerpt in dB: RMS, peak, crest factor, width.

All functions take [B, C, T] and return [B], over all channels. A full-scale sine has −3.01 dB RMS
and 0 dB peak. Silence gives `SILENCE_DB` and a zero gradient.
"""

from torch import Tensor

from ai_mixer.core.units import SILENCE_DB, ratio_to_db
from ai_mixer.dsp.spectra import mid_side, power_to_db

WIDTH_LIMIT_DB = 60.0


def rms_db(x: Tensor) -> Tensor:
    """RMS level over channels and time. [B, C, T] → [B], dB."""
    return power_to_db(x.square().mean((-2, -1)))


def peak_db(x: Tensor) -> Tensor:
    """Sample peak over channels and time. [B, C, T] → [B], dB. For true peaks: `dsp.true_peak`."""
    return ratio_to_db(x.abs().amax((-2, -1)))


def crest_db(x: Tensor) -> Tensor:
    """Crest factor. [B, C, T] → [B], dB; 3.01 for a sine, 0 for a square wave and silence."""
    return peak_db(x) - rms_db(x)


def width_db(x: Tensor) -> Tensor:
    """Side over mid. [B, C, T] → [B], dB within ±60; −60 for mono and silence."""
    mid, side = mid_side(x).square().mean(-1).unbind(1)
    limit = 10.0 ** (WIDTH_LIMIT_DB / 10.0)
    mid = mid.clamp_min(10.0 ** (SILENCE_DB / 10.0))
    return power_to_db((side / mid).clamp(1.0 / limit, limit))
