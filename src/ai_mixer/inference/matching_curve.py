"""The correction of mid and side that brings the long-term levels of a song to those of references.

Between a song and a reference, the difference of long-term levels is the correction plus what two
passages of music differ by. Two estimates:

- the whole difference;
- the part of it that is certain: the posterior mean of a normal distribution whose prior is a
  smooth curve (a Gaussian process over log frequency: Rasmussen & Williams, Gaussian Processes for
  Machine Learning, 2006, section 2.2), so single bands count little, and broad differences much.

The constants were chosen on 88 training and validation songs with roughs by another processor.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.dsp.spectra import mid_side, third_octave_centres, third_octave_power
from ai_mixer.inference.correction_curve import CurvePrior, posterior_curve
from ai_mixer.inference.long_term_levels import (
    CONSTANT_STD_DB,
    REFERENCE_STD_DB,
    is_mono,
    passage_variance,
    whitening_matrix,
)

# Prior of corrections: standard deviation of the level, of the curve about it, and the same of the
# width (side minus mid); distance in octaves at which the correlation falls to 1/e.
LEVEL_STD_DB, TONE_STD_DB = 12.0, 3.0
WIDTH_STD_DB, WIDTH_TONE_STD_DB = 12.0, 1.5
CORRELATION_OCTAVES = 3.0
NOISE_FACTOR = 1.25  # of the standard deviation that the passages show
NEIGHBOUR_CORRELATION = 0.3
OUTLIER_STD = 1.5
FLOOR = 1e-6  # of the loudest band; lower levels are not compared
SHORT_STD_DB = 6.0  # of an excerpt that has no two passages
UNKNOWN_STD_DB = 100.0  # of a band that one of both does not have
MAX_GAIN_DB = 20.0
MAX_WIDTH_DB = 12.0  # a nearly mono band has only noise in its side
MONO_BASS_HZ = 120.0  # the side below is never raised
BANDS_PER_OCTAVE = 3.0


class Levels(NamedTuple):
    """Long-term levels of an excerpt.

    power: [2 · bands], mid, then side. variance: of the levels in dB, [2 · bands]. mono: whether
    it has no side.
    """

    power: Tensor
    variance: Tensor
    mono: bool

    @property
    def width_db(self) -> float:
        """Side over mid."""
        mid, side = self.power.view(2, -1).sum(1).tolist()
        return float(10 * torch.log10(torch.tensor((side + 1e-20) / (mid + 1e-20))))


class Correction(NamedTuple):
    """Gain of mid and of side, [bands] float64 in dB."""

    mid_db: Tensor
    side_db: Tensor


def long_term_levels(audio: Tensor, sample_rate: int) -> Levels:
    """Levels of an excerpt [C, T]."""
    power = third_octave_power(mid_side(audio[None]), sample_rate)[0].double().flatten()
    variance = passage_variance(audio, sample_rate)
    if not variance.any():
        variance = torch.full_like(variance, SHORT_STD_DB**2)
    return Levels(power, variance, is_mono(audio))


def estimate_correction(
    song: Levels,
    references: Sequence[Levels],
    weights: Sequence[float],
    tone: float | None = None,
    width: float | None = None,
) -> Correction:
    """Correction of a song towards the mean of references, at the song's level.

    weights: of the references, above 0. tone, width: share of the whole difference, 0 to 1; None
    for the part of it that is certain. The side below 120 Hz is not raised, and the width does not
    move if the song or all references are mono.
    """
    shares = torch.tensor(list(weights), dtype=torch.float64)
    shares = (shares / shares.sum())[:, None]
    stereo = torch.tensor([[not reference.mono] for reference in references])
    each_db = torch.stack([_levels_db(reference) for reference in references])
    bands = each_db.shape[1] // 2
    mid_db, side_db = each_db[:, :bands], each_db[:, bands:]
    mono = song.mono or not stereo.any()
    if not stereo.all() and not mono:  # references without a side say nothing about the width
        kept = shares * stereo
        mean_width_db = (kept * (side_db - mid_db)).sum(0) / kept.sum()
        each_db[:, bands:] = torch.where(stereo, side_db, mid_db + mean_width_db)
    target_db = (shares * each_db).sum(0)
    difference_db = target_db - _levels_db(song)
    if mono:
        difference_db[bands:] = difference_db[:bands]
    variance = torch.stack([reference.variance for reference in references])
    variance = (shares.square() * variance).sum(0) + song.variance
    disagreement = (shares * (each_db - target_db).square()).sum(0) / len(references)
    std = (CONSTANT_STD_DB**2 + variance + disagreement).sqrt() * NOISE_FACTOR
    audible = torch.stack([_is_audible(levels) for levels in (song, *references)]).all(0)
    difference_db, std = difference_db * audible, torch.where(audible, std, UNKNOWN_STD_DB)
    certain = _certain(difference_db, std)
    whole_db, certain_db = (x.view(2, bands) for x in (difference_db, certain))
    tone_db = certain_db[0] if tone is None else tone * whole_db[0]
    width_db = (
        certain_db[1] - certain_db[0] if width is None else width * (whole_db[1] - whole_db[0])
    )
    return _limited(song, tone_db, width_db if not mono else torch.zeros_like(width_db))


def remaining_correction(correction: Correction, song: Levels, mix: Levels) -> Correction:
    """What a correction of a song leaves to do where a mix of it has done a part."""
    done = (_levels_db(mix) - _levels_db(song)).view(2, -1)
    if song.mono:
        done = done[:1].expand(2, -1)
    mid = mix.power.view(2, -1)[0]
    mid_db, side_db = correction.mid_db - done[0], correction.side_db - done[1]
    level_db = 10 * torch.log10((mid * 10 ** (mid_db / 10)).sum() / mid.sum().clamp_min(1e-20))
    return Correction(mid_db - level_db, side_db - level_db)


def keep_width_between(
    correction: Correction, song: Levels, width_db: float, target_db: float
) -> Correction:
    """Move the side by a constant so that the width ends between that of song and reference.

    Bands may ask for less side where most of it is, although the width as a whole should grow.
    width_db, target_db: side over mid of the whole song and of the reference.
    """
    if song.mono:
        return correction
    gains = torch.cat([correction.mid_db, correction.side_db])
    after = Levels(song.power * 10 ** (gains / 10), song.variance, song.mono)
    reached = width_db + after.width_db - song.width_db
    low, high = min(width_db, target_db), max(width_db, target_db)
    return correction._replace(side_db=correction.side_db + min(max(reached, low), high) - reached)


def _levels_db(levels: Levels) -> Tensor:
    """Levels relative to the power of the song, [2 · bands] dB."""
    power = levels.power
    return 10 * torch.log10(power + power.max() * FLOOR + 1e-20) - 10 * torch.log10(
        power.sum() + 1e-20
    )


def _is_audible(levels: Levels) -> Tensor:
    """Which bands hold more than the floor, [2 · bands]; without a side, as those of the mid."""
    audible = levels.power > levels.power.max() * FLOOR
    return audible.view(2, -1)[:1].expand(2, -1).flatten() if levels.mono else audible


def _certain(difference_db: Tensor, std_db: Tensor) -> Tensor:
    """Posterior mean of the correction, [2 · bands] dB."""
    bands = len(difference_db) // 2
    whitening = whitening_matrix(bands, NEIGHBOUR_CORRELATION) * (
        REFERENCE_STD_DB / std_db[:, None]
    )
    prior = CurvePrior(torch.zeros_like(difference_db), _covariance(bands))
    return posterior_curve(difference_db, prior, whitening, OUTLIER_STD)


def _covariance(bands: int) -> Tensor:
    """Of the corrections of mid and side, [2 · bands, 2 · bands] dB²."""
    octave = torch.arange(bands, dtype=torch.float64) / BANDS_PER_OCTAVE
    smooth = torch.exp(-(octave[:, None] - octave).abs() / CORRELATION_OCTAVES)
    tone = LEVEL_STD_DB**2 + TONE_STD_DB**2 * smooth
    width = WIDTH_STD_DB**2 + WIDTH_TONE_STD_DB**2 * smooth
    return torch.cat([torch.cat([tone, tone], 1), torch.cat([tone, tone + width], 1)])


def _limited(song: Levels, tone_db: Tensor, width_db: Tensor) -> Correction:
    """Within the limits, with the level of the mid unchanged."""
    mid = song.power.view(2, -1)[0]
    bands = len(mid)
    centres = torch.tensor(third_octave_centres(44_100)[:bands])
    width_db = width_db.clamp(-MAX_GAIN_DB, MAX_WIDTH_DB)
    width_db = torch.where(centres < MONO_BASS_HZ, width_db.clamp_max(0.0), width_db)
    level_db = 10 * torch.log10((mid * 10 ** (tone_db / 10)).sum() / mid.sum().clamp_min(1e-20))
    tone_db = (tone_db - level_db).clamp(-MAX_GAIN_DB, MAX_GAIN_DB)
    return Correction(tone_db, tone_db + width_db)
