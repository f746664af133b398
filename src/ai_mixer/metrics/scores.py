"""Scores of balance, dynamics, clarity and transients, from 0 to 1.

Relative to the finished version at equal loudness; 1 = as the finished version. They are simple
summaries; results are reported by protocols K and A.

- balance = 2^(−E / 3 dB), E the mean error of the third-octave levels (`spectrum_error_db`).
- dynamics = 2^(−E / 3 dB), E = |Δ crest| + |Δ loudness range| (EBU Tech 3342 on 400 ms blocks).
- clarity = Σ min(c, c') / Σ c', over third-octave bands: c is the contrast of a band in time, the
  level of its mean over the mean of its levels in frames of 46 ms, and c' that of the finished
  version. Noise, echoes and masking fill the gaps between sounds and lower it; more contrast than
  the finished version does not raise it.
- overall = the mean of these three.
- transients = Σ min(r, r') / Σ r', over the attacks: r' is the rise of the finished version from
  a frame to the next, mean over bands in dB, where that is 2 dB or more; r is that of the mix.
"""

import torch
from torch import Tensor

from ai_mixer.dsp.levels import crest_db
from ai_mixer.dsp.loudness import BLOCK_S, loudness_lufs, loudness_range_lu
from ai_mixer.dsp.spectra import power_to_db, third_octave_frames, third_octave_power
from ai_mixer.metrics.distance import apply_gain_db, spectrum_error_db

PREFIX = "score/"
HALVING_ERROR_DB = 3.0  # each such error halves a score
FRAME_S = 2048 / 44100
AUDIBLE_RANGE_DB = 40.0  # levels further below the band's mean count as inaudible
ATTACK_DB = 2.0  # minimal rise within half a frame, mean over bands
MIN_LOUDNESS_RANGE_S = 2.0  # shorter excerpts have no loudness range


@torch.no_grad()
def scores(mix: Tensor, finished: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Return the columns `score/{balance,dynamics,clarity,overall,transients}` of a record.

    mix, finished: [B, C, T], full scale = 1, at least 0.1 s. Returns [B] each, 0–1. ValueError if
    they differ in shape.
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
        mix_lu, finished_lu = (loudness_range_lu(x, sample_rate, BLOCK_S) for x in (mix, finished))
        error = error + (mix_lu - finished_lu).abs()
    return error


def _frames_db(mix: Tensor, finished: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Levels over time of both, power averaged over channels: [B, frames, bands] each.

    Relative to the finished version's mean in that band, clamped at −40 dB.
    """
    mean = third_octave_power(finished, sample_rate).mean(1)[:, None]
    mean = mean.clamp_min(torch.finfo(mean.dtype).tiny)
    floor = -AUDIBLE_RANGE_DB
    power, target = (third_octave_frames(x, sample_rate, FRAME_S).mean(1) for x in (mix, finished))
    return power_to_db(power / mean, floor), power_to_db(target / mean, floor)


def _contrast(levels_db: Tensor) -> Tensor:
    """Level of the mean over mean of the levels, ≥ 0: [B, frames, bands] → [B, bands], dB."""
    mean = torch.pow(10.0, levels_db / 10.0).mean(1)
    return (10.0 * mean.log10() - levels_db.mean(1)).clamp_min(0.0)


def _attacks(mix_db: Tensor, finished_db: Tensor) -> tuple[Tensor, Tensor]:
    """Rises of both, target 0 where it has no attack: [B, frames, bands] → [B, frames], dB."""
    rise, target = (levels.mean(-1).diff().clamp_min(0.0) for levels in (mix_db, finished_db))
    return rise, target * (target >= ATTACK_DB)


def _preserved_share(value: Tensor, target: Tensor) -> Tensor:
    """Σ min(value, target) / Σ target: [B, n] → [B], 0–1; 1 where the target is 0."""
    total = target.sum(-1)
    return torch.where(total > 0, torch.minimum(value, target).sum(-1) / total, 1.0).clamp(0.0, 1.0)
