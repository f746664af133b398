"""Log-mel spectrograms of rough and reference and their difference, mid and side.

In dB, an EQ, a gain or a width change adds the same value to every frame.
"""

import torch
from torch import Tensor, nn

FLOOR_DB = -100.0
LEVEL_CENTRE_DB, LEVEL_SCALE_DB = -30.0, 20.0  # of mel bands of music: scales levels to about ±2
DIFFERENCE_SCALE_DB = 6.0  # scales differences to about ±1
LOG_MEL_CHANNELS = 6  # rough, reference, difference × mid, side
POOL_HOPS = 4  # hops per frame of the spectrograms: 93 ms, as knobs change nothing faster


def log_mel_features(
    rough: Tensor, reference: Tensor, given: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Log-mel spectrograms and their summaries from band energies.

    rough, reference: energies [B, 2, mels, hops]. given: [B], 1 where there is a reference, else 0.
    Returns the spectrograms [B, 6, mels, ⌈hops/POOL_HOPS⌉]; mean and standard deviation over the
    hops [B, 12 · mels]; long-term levels [B, 6 · mels].
    """
    fine = level_channels(_decibels(rough), _decibels(reference), given)
    over_time = torch.cat([fine.mean(-1), fine.std(-1)], dim=1).flatten(1)
    long_term = [_decibels(energy.mean(-1, keepdim=True)) for energy in (rough, reference)]
    coarse = [_decibels(_pooled(energy)) for energy in (rough, reference)]
    return (
        level_channels(coarse[0], coarse[1], given),
        over_time,
        level_channels(long_term[0], long_term[1], given).flatten(1),
    )


def level_channels(rough_db: Tensor, reference_db: Tensor, given: Tensor) -> Tensor:
    """Scale levels to about ±1 and concatenate rough, reference and difference.

    rough_db, reference_db: [B, N, …]; given: [B], 0 where there is no reference: the last two are
    zero there. Returns [B, 3 · N, …].
    """
    given = given.view(-1, *[1] * (rough_db.dim() - 1))
    return torch.cat(
        [
            (rough_db - LEVEL_CENTRE_DB) / LEVEL_SCALE_DB,
            (reference_db - LEVEL_CENTRE_DB) / LEVEL_SCALE_DB * given,
            (reference_db - rough_db) / DIFFERENCE_SCALE_DB * given,
        ],
        dim=1,
    )


def restore_channels(rough: Tensor, reference: Tensor, given: Tensor) -> Tensor:
    """Output of `level_channels` from its first two parts, [B, N, …] each."""
    given = given.view(-1, *[1] * (rough.dim() - 1))
    difference = (reference - rough) * (LEVEL_SCALE_DB / DIFFERENCE_SCALE_DB)
    return torch.cat([rough, reference * given, difference * given], dim=1)


def _pooled(energy: Tensor) -> Tensor:
    """Mean over POOL_HOPS hops: [B, 2, mels, hops] → [B, 2, mels, ⌈hops/POOL_HOPS⌉]."""
    pooled = nn.functional.avg_pool1d(energy.flatten(1, 2), POOL_HOPS, ceil_mode=True)
    return pooled.view(*energy.shape[:3], -1)


def _decibels(energy: Tensor) -> Tensor:
    return 10.0 * torch.log10(energy.clamp_min(10.0 ** (FLOOR_DB / 10.0)))
