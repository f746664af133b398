"""Estimate a compressor's settings from a gain over time, by comparison with a compressor bank.

The rough is the sidechain of every compressor of the bank. The compressor whose gain reduction
correlates best with the identified gain (`system_identification.identify_system`) gives threshold
and maximum reduction; the regression slope of the gain on its gain reduction is 1 − 1/ratio (least
squares; compressors: Giannoulis, Massberg & Reiss, "Digital Dynamic Range Compressor Design", JAES
60(6), 2012).
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from ai_mixer.dsp.compressor import StaticCurve
from ai_mixer.dsp.gain_reduction_bank import mean_gain_reductions_db

THRESHOLDS_DB = tuple(range(-42, 0, 3))
MAX_REDUCTIONS_DB = (36.0, 24.0, 15.0, 11.0)  # a compressor's maximum reduction over its slope
KNEE_DB = 6.0
ATTACK_MS, RELEASE_MS = 10.0, 100.0  # typical; other times correlate a little less
MIN_MOVEMENT_DB = 0.17  # standard deviation of a gain reduction below which it counts as constant
SOFTMAX_SHARPNESS = 200.0  # 0.005 more explained variance: e times the weight
N_ESTIMATES = 6


def estimate_compressor(
    rough: Tensor, gain_db: Tensor, frame_weights: Tensor, hop: int, sample_rate: int
) -> Tensor:
    """Settings of the compressor that explains a gain best, scaled to about ±1: [B, N_ESTIMATES].

    rough: [B, C, T]. gain_db, frame_weights: [B, frames], frames centred on every `hop`-th sample;
    the weights of an item sum to one. Estimates: slope, threshold, maximum reduction, share of the
    gain's variance that is explained, standard deviation of the gain, mean reduction.
    """
    bank = _compressor_bank()
    reductions = mean_gain_reductions_db(
        rough, bank, _poles(sample_rate), hop, gain_db.shape[-1]
    )  # [B, K, frames]
    weights = frame_weights[:, None]
    mean = (weights * reductions).sum(-1)
    reductions, gain = reductions - mean[..., None], gain_db[:, None]
    gain = gain - (weights * gain).sum(-1, keepdim=True)
    reduction_variance = (weights * reductions.square()).sum(-1) + MIN_MOVEMENT_DB**2
    gain_variance = (weights * gain.square()).sum(-1)
    covariance = -(weights * reductions * gain).sum(-1)
    slope = covariance / reduction_variance
    explained = covariance.clamp_min(0.0).square() / (
        reduction_variance * (gain_variance + MIN_MOVEMENT_DB**2 / 30.0)
    )
    choice = (SOFTMAX_SHARPNESS * explained).softmax(-1)  # [B, K]
    threshold_db, max_reduction_db = _bank_settings(gain_db.dtype, gain_db.device)
    estimates = [
        2.0 * (choice * slope).sum(-1) - 1.0,
        1.0 + choice @ threshold_db / 20.0,
        choice @ max_reduction_db / 12.0 - 2.0,
        explained.amax(-1),
        gain_variance[:, 0].sqrt() / 3.0,
        (choice * slope * mean).sum(-1) / 6.0,
    ]
    return torch.stack(estimates, dim=1).clamp(-4.0, 4.0)


@lru_cache(maxsize=1)
def _compressor_bank() -> tuple[StaticCurve, ...]:
    return tuple(
        StaticCurve(threshold_db, KNEE_DB, max_reduction_db)
        for max_reduction_db in MAX_REDUCTIONS_DB
        for threshold_db in THRESHOLDS_DB
    )


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _bank_settings(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Threshold and cap of every curve, [K] each: copied to a device once."""
    bank = _compressor_bank()
    thresholds_db, caps_db = (
        torch.tensor([getattr(curve, name) for curve in bank], dtype=dtype, device=device)
        for name in ("threshold_db", "max_reduction_db")
    )
    return thresholds_db, caps_db


def _poles(sample_rate: int) -> tuple[float, float]:
    attack, release = (
        math.exp(-1e3 / (time_ms * sample_rate)) for time_ms in (ATTACK_MS, RELEASE_MS)
    )
    return attack, release
