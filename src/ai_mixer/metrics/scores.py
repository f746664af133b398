"""Balance, dynamics and clarity as a score from 0 to 1, and how much of the attack is left.

Against the finished version, at equal loudness; 1 = as the finished version. They are summaries for
a quick look, simple on purpose: what is claimed rests on protocols K and A.

- balance = 2^(−E / 3 dB), E the mean error of the third-octave levels (`spectrum_error_db`).
- dynamics = 2^(−E / 3 dB), E = |Δ crest| + |Δ loudness range| (EBU Tech 3342 on 400 ms blocks).
- clarity = Σ min(c, c') / Σ c', over third-octave bands: c is the contrast of a band in time, the
  level of its mean over the mean of its levels in frames of 46 ms, and c' that of the finished
  version. Noise, echoes and masking fill the dips between sounds, and so lower it; more contrast
  than the finished version earns nothing.
- overall = the mean of these three.
- transients = Σ min(r, r') / Σ r', over the attacks: r' is how much the finished version rises from
  a frame to the next, mean over bands in dB, where that is 2 dB or more; r is that of the mix.
"""

import torch
from torch import Tensor

from ai_mixer.dsp.levels import crest_db
from ai_mixer.dsp.loudness import BLOCK_S, loudness_lufs, loudness_range_lu
from ai_mixer.dsp.spectra import power_to_db, third_octave_frames, third_octave_power
from ai_mixer.metrics.distance import apply_gain_db, spectrum_error_db

PREFIX = "score/"
HALVING_ERROR_DB = 3.0  # an error of so much halves a score
FRAME_S = 2048 / 44100
AUDIBLE_RANGE_DB = 40.0  # what is further than this below its band's mean is not heard
ATTACK_DB = 2.0  # within half a frame, mean over bands
MIN_LOUDNESS_RANGE_S = 2.0  # shorter excerpts have no loudness range


@torch.no_grad()
def scores(mix: Tensor, finished: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Columns of a record: `score/balance`, `dynamics`, `clarity`, `overall`, `transients`.

    heard: the mix. Both [B, C, T], full scale = 1, at least 0.1 s. Returns [B] each, 0–1.
    ValueError if they differ in shape.
    """
    if mix.shape != finished.shape:
        shapes = f"{tuple(mix.shape)} and {tuple(finished.shape)}"
        raise ValueError(f"the mix and the finished version differ in shape: {shapes}")
    gap = loudness_lufs(finished, sample_rate) - loudness_lufs(mix, sample_rate)
    mix = apply_gain_db(mix, gap)
    frames = _frames_db(mix, finished, sample_rate)
    values = {
        "balance": _halving(spectrum_error_db(mix, finished, sample_rate)),
        "dynamics": _halving(_dynamics_error_db(mix, finished, sample_rate)),
        "clarity": _preserved_share(*map(_contrast, frames)),
    }
    values["overall"] = torch.stack(list(values.values())).mean(0)
    values["transients"] = _preserved_share(*_attacks(*frames))
    return {PREFIX + name: value for name, value in values.items()}


def _halving(error_db: Tensor) -> Tensor:
    return torch.exp2(-error_db / HALVING_ERROR_DB)


def _dynamics_error_db(mix: Tensor, finished: Tensor, sample_rate: int) -> Tensor:
    error = (crest_db(mix) - crest_db(finished)).abs()
    if mix.shape[-1] >= MIN_LOUDNESS_RANGE_S * sample_rate:
        own, wanted = (loudness_range_lu(x, sample_rate, BLOCK_S) for x in (mix, finished))
        error = error + (own - wanted).abs()
    return error


def _frames_db(mix: Tensor, finished: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Levels over time of both, channels added as power: [B, frames, bands] each.

    At least 40 dB under the finished version's mean in that band, which both are measured from.
    """
    mean = third_octave_power(finished, sample_rate).mean(1)[:, None]
    mean = mean.clamp_min(torch.finfo(mean.dtype).tiny)
    floor = -AUDIBLE_RANGE_DB
    own, wanted = (third_octave_frames(x, sample_rate, FRAME_S).mean(1) for x in (mix, finished))
    return power_to_db(own / mean, floor), power_to_db(wanted / mean, floor)


def _contrast(levels_db: Tensor) -> Tensor:
    """Level of the mean over mean of the levels, ≥ 0: [B, frames, bands] → [B, bands], dB."""
    mean = torch.pow(10.0, levels_db / 10.0).mean(1)
    return (10.0 * mean.log10() - levels_db.mean(1)).clamp_min(0.0)


def _attacks(own_db: Tensor, wanted_db: Tensor) -> tuple[Tensor, Tensor]:
    """Rises of both, 0 where the second has no attack: [B, frames, bands] → [B, frames], dB."""
    own, wanted = (levels.mean(-1).diff().clamp_min(0.0) for levels in (own_db, wanted_db))
    return own, wanted * (wanted >= ATTACK_DB)


def _preserved_share(own: Tensor, wanted: Tensor) -> Tensor:
    """Σ min(own, wanted) / Σ wanted: [B, n] → [B], 0–1; 1 where there was nothing to keep."""
    whole = wanted.sum(-1)
    return torch.where(whole > 0, torch.minimum(own, wanted).sum(-1) / whole, 1.0).clamp(0.0, 1.0)
