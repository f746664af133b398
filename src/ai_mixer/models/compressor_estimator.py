"""Which compressor moves like this gain? A bank of them is driven by the rough, and each compared.

A gain that was measured over time (`transfer.measure`) follows the needle of one compressor of the
bank better than those of the others: that one's threshold and cap are the sought ones, and how many
dB the gain falls for each dB of its needle is the slope 1 − 1/ratio (least squares; Giannoulis,
Massberg & Reiss, "Digital Dynamic Range Compressor Design", JAES 60(6), 2012, for the compressors).
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from ai_mixer.dsp.compressor import StaticCurve
from ai_mixer.dsp.gain_reduction_bank import mean_gain_reductions_db

THRESHOLDS_DB = tuple(range(-42, 0, 3))
MAX_REDUCTIONS_DB = (
    36.0,
    24.0,
    15.0,
    11.0,
)  # over the slope: what a cap on the reduction leaves of the knee
KNEE_DB = 6.0
ATTACK_MS, RELEASE_MS = 10.0, 100.0  # usual ones; a needle of another speed is a little less alike
MIN_MOVEMENT_DB = 0.17  # a needle that moves by less is none
SOFTMAX_SHARPNESS = 200.0  # of the choice: a share of 0.005 of the variance is a factor of e
N_ESTIMATES = 6


def estimate_compressor(
    rough: Tensor, gain_db: Tensor, share: Tensor, hop: int, sample_rate: int
) -> Tensor:
    """The compressor that explains a gain, in numbers of about ±1: [B, N_FINDINGS].

    rough: [B, C, T]; gain_db, and the share of each frame in a mean: [B, frames], frames centred on
    every `hop`-th sample. Findings: slope, threshold, cap, the share of the gain's variance that is
    explained, how far the gain moves, and the mean reduction.
    """
    needles = mean_gain_reductions_db(
        rough, _compressor_bank(), _poles(sample_rate), hop, gain_db.shape[-1]
    )  # [B, K, frames]
    share = share[:, None]
    mean = (share * needles).sum(-1)
    needles, gain = needles - mean[..., None], gain_db[:, None]
    gain = gain - (share * gain).sum(-1, keepdim=True)
    moves = (share * needles.square()).sum(-1) + MIN_MOVEMENT_DB**2
    moved = (share * gain.square()).sum(-1)
    falls = -(share * needles * gain).sum(-1)
    slope = falls / moves
    alike = falls.clamp_min(0.0).square() / (moves * (moved + MIN_MOVEMENT_DB**2 / 30.0))
    chosen = (SOFTMAX_SHARPNESS * alike).softmax(-1)  # [B, K]
    threshold_db, cap_db = (
        gain_db.new_tensor([getattr(curve, name) for curve in _compressor_bank()])
        for name in ("threshold_db", "max_reduction_db")
    )
    findings = [
        2.0 * (chosen * slope).sum(-1) - 1.0,
        1.0 + chosen @ threshold_db / 20.0,
        chosen @ cap_db / 12.0 - 2.0,
        alike.amax(-1),
        moved[:, 0].sqrt() / 3.0,
        (chosen * slope * mean).sum(-1) / 6.0,
    ]
    return torch.stack(findings, dim=1).clamp(-4.0, 4.0)


@lru_cache(maxsize=1)
def _compressor_bank() -> tuple[StaticCurve, ...]:
    return tuple(
        StaticCurve(threshold, KNEE_DB, c) for c in MAX_REDUCTIONS_DB for threshold in THRESHOLDS_DB
    )


def _poles(sample_rate: int) -> tuple[float, float]:
    attack, release = (
        math.exp(-1e3 / (time_ms * sample_rate)) for time_ms in (ATTACK_MS, RELEASE_MS)
    )
    return attack, release
