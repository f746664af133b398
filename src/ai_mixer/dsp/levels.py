"""Levels of a whole song or excerpt, in dB re full scale: root mean square, peak, crest, width.

All take [B, C, T] and return [B]: channels are measured together, as one sound. A full-scale sine
has −3.01 dB RMS and 0 dB peak. Silence reads `SILENCE_DB` and has zero gradient.
"""

from torch import Tensor

from ai_mixer.core.units import SILENCE_DB, ratio_to_db
from ai_mixer.dsp.spectra import mid_side, power_to_db

WIDTH_LIMIT_DB = 60.0  # a side more than 60 dB under the mid counts as mono


def rms_db(x: Tensor) -> Tensor:
    """Root mean square level over channels and time. [B, C, T] → [B], dB."""
    return power_to_db(x.square().mean((-2, -1)))


def peak_db(x: Tensor) -> Tensor:
    """Largest sample of any channel. [B, C, T] → [B], dB. (Between samples: `dsp.true_peak`.)"""
    return ratio_to_db(x.abs().amax((-2, -1)))


def crest_db(x: Tensor) -> Tensor:
    """Peak over RMS. [B, C, T] → [B], dB; 3.01 for a sine, 0 for a square wave and silence."""
    return peak_db(x) - rms_db(x)


def width_db(x: Tensor) -> Tensor:
    """Side over mid. [B, C, T] → [B], dB within ±60; mono and silence read −60, equal powers 0."""
    mid, side = mid_side(x).square().mean(-1).unbind(1)
    limit = 10.0 ** (WIDTH_LIMIT_DB / 10.0)
    mid = mid.clamp_min(10.0 ** (SILENCE_DB / 10.0))
    return power_to_db((side / mid).clamp(1.0 / limit, limit))
