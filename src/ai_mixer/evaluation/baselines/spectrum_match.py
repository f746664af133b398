"""`spectrum_match`: match spectrum, width and loudness of the conditioning audio by 70 %.

A matching equaliser, without model or knobs.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from ai_mixer.core.types import Batch, Condition
from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.levels import width_db
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.spectra import mid_side, power_to_db, third_octave_centres, third_octave_power
from ai_mixer.evaluation.baselines.system import ComparedSystem, SystemOutput, conditioning_audio

MATCH_AMOUNT = 0.7  # share of the difference in dB
MAX_BAND_GAIN_DB = 12.0  # of a band, or of the side
MAX_LEVEL_CHANGE_DB = 60.0
FLOOR_DB = -90.0
TAPS_S = 8192 / 44100  # length of the impulse response: resolves the lowest third of an octave


class SpectrumMatch(ComparedSystem):
    """Equaliser, width and gain, with x the rough, y the conditioning audio, L the integrated
    loudness in LUFS:

    1. Equaliser, zero phase, gain in dB at the centre of third octave b
       0.7 · smooth(l_b(y) − L(y) − l_b(x) + L(x)), where l are levels in dB (channels averaged) and
       smooth is ¼, ½, ¼ over neighbouring bands; between the centres linear in log frequency.
    2. Side · 10^(0.7 · (W(y) − W(x)) / 20), where W is the level of the side over the mid in dB;
       skipped if either is mono.
    3. Gain to L(x) + 0.7 · (L(y) − L(x)), measured after steps 1 and 2.

    Bands and side are changed by at most 12 dB. There is no limiter.
    """

    conditions = ("reference", "paired")

    def mix(self, batch: Batch, condition: Condition) -> SystemOutput:
        """Return the matched rough."""
        x, y, rate = batch.rough, conditioning_audio(batch, condition), batch.sample_rate
        assert y is not None
        before, target = loudness_lufs(x, rate), loudness_lufs(y, rate)
        mix = equalise(x, rate, matching_gain_db(x, y, rate, target - before))
        mix = _widen(mix, _side_gain_db(x, y))
        gain_db = before + MATCH_AMOUNT * (target - before) - loudness_lufs(mix, rate)
        gain_db = gain_db.clamp(-MAX_LEVEL_CHANGE_DB, MAX_LEVEL_CHANGE_DB)
        return SystemOutput(mix * db_to_ratio(gain_db)[:, None, None])


def matching_gain_db(
    x: Tensor, y: Tensor, sample_rate: int, loudness_difference_lu: Tensor
) -> Tensor:
    """Return the equaliser's gain per third-octave band, [B, bands] in dB.

    loudness_difference_lu: L(y) − L(x), [B].
    """
    levels = [
        power_to_db(third_octave_power(audio, sample_rate).mean(1), FLOOR_DB) for audio in (x, y)
    ]
    gap = levels[1] - levels[0] - loudness_difference_lu[:, None]
    ends = torch.cat([gap[:, :1], gap, gap[:, -1:]], 1)
    smooth = 0.25 * ends[:, :-2] + 0.5 * gap + 0.25 * ends[:, 2:]
    return (MATCH_AMOUNT * smooth).clamp(-MAX_BAND_GAIN_DB, MAX_BAND_GAIN_DB)


def equalise(x: Tensor, sample_rate: int, gain_db: Tensor) -> Tensor:
    """Filter x [B, C, T] with zero phase and gain_db [B, bands] at the third-octave centres.

    The impulse response is windowed (Hann) and centred on time 0.
    """
    taps = 2 ** round(math.log2(TAPS_S * sample_rate))
    curve = gain_db @ torch.from_numpy(_interpolation_weights(taps, sample_rate)).to(gain_db)
    response = torch.fft.irfft(db_to_ratio(curve), taps)
    response = response.roll(taps // 2, -1) * torch.hann_window(taps, dtype=x.dtype)
    size = next_fast_len(x.shape[-1] + taps, real=True)
    spectrum = torch.fft.rfft(x, size) * torch.fft.rfft(response, size)[:, None]
    return torch.fft.irfft(spectrum, size)[..., taps // 2 : taps // 2 + x.shape[-1]]


@lru_cache(maxsize=4)
def _interpolation_weights(taps: int, sample_rate: int) -> np.ndarray:
    """[bands, bins]: weight of each band's gain per bin, linear in log frequency."""
    centres = np.log(third_octave_centres(sample_rate))
    bins = np.fft.rfftfreq(taps, 1 / sample_rate)
    frequency = np.log(np.maximum(bins, sample_rate / taps / 2))
    return np.stack([np.interp(frequency, centres, band) for band in np.eye(len(centres))])


def _side_gain_db(x: Tensor, y: Tensor) -> Tensor:
    """Gain of the side, [B] in dB."""
    before, target = width_db(x), width_db(y)
    # The lower end of the width meter means mono.
    stereo = (before > -MAX_LEVEL_CHANGE_DB) & (target > -MAX_LEVEL_CHANGE_DB)
    gain_db = (MATCH_AMOUNT * (target - before)).clamp(-MAX_BAND_GAIN_DB, MAX_BAND_GAIN_DB)
    return torch.where(stereo, gain_db, 0.0)


def _widen(x: Tensor, side_db: Tensor) -> Tensor:
    if x.shape[1] == 1:
        return x
    mid, side = mid_side(x).unbind(1)
    side = side * db_to_ratio(side_db)[:, None]
    return torch.stack([mid + side, mid - side], 1)
