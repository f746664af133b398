"""Levels of rough and reference as pictures: each, and their difference, mid and side.

In dB, whatever an EQ, a gain or a width change did is an addition, the same at every moment.
"""

import torch
from torch import Tensor, nn

FLOOR_DB = -100.0
LEVEL_CENTRE_DB, LEVEL_SCALE_DB = -30.0, 20.0  # of mel bands of music; brings levels to about ±2
DIFFERENCE_SCALE_DB = 6.0  # a wide EQ band: brings differences to about ±1
LOG_MEL_CHANNELS = 6  # rough, reference, difference × mid, side
POOL_HOPS = 4  # hops in a frame of the pictures: 93 ms, for what is slower is what a knob changes


def log_mel_features(heard: Tensor, wanted: Tensor, given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """From energies [B, 2, mels, hops]: the pictures [B, 6, mels, ⌈hops/POOL⌉]; mean and spread
    over the hops [B, 12 · mels]; long-term levels [B, 6 · mels]. given: [B], 1 or 0.
    """
    fine = level_channels(_decibels(heard), _decibels(wanted), given)
    over_time = torch.cat([fine.mean(-1), fine.std(-1)], dim=1).flatten(1)
    long_term = [_decibels(energy.mean(-1, keepdim=True)) for energy in (heard, wanted)]
    coarse = [_decibels(_pooled(energy)) for energy in (heard, wanted)]
    return (
        level_channels(coarse[0], coarse[1], given),
        over_time,
        level_channels(long_term[0], long_term[1], given).flatten(1),
    )


def level_channels(heard_db: Tensor, wanted_db: Tensor, given: Tensor) -> Tensor:
    """Levels as three layers of about ±1, the last two 0 where nothing is given.

    [B, N, …] twice and [B] → [B, 3 · N, …]: rough, reference, difference.
    """
    given = given.view(-1, *[1] * (heard_db.dim() - 1))
    return torch.cat(
        [
            (heard_db - LEVEL_CENTRE_DB) / LEVEL_SCALE_DB,
            (wanted_db - LEVEL_CENTRE_DB) / LEVEL_SCALE_DB * given,
            (wanted_db - heard_db) / DIFFERENCE_SCALE_DB * given,
        ],
        dim=1,
    )


def restore_channels(heard: Tensor, wanted: Tensor, given: Tensor) -> Tensor:
    """The layers once more, from the first and the second [B, N, …] as `level_channels` scaled them."""
    given = given.view(-1, *[1] * (heard.dim() - 1))
    difference = (wanted - heard) * (LEVEL_SCALE_DB / DIFFERENCE_SCALE_DB)
    return torch.cat([heard, wanted * given, difference * given], dim=1)


def _pooled(energy: Tensor) -> Tensor:
    """Mean of every POOL hops: [B, 2, mels, hops] → [B, 2, mels, ⌈hops/POOL⌉]."""
    pooled = nn.functional.avg_pool1d(energy.flatten(1, 2), POOL_HOPS, ceil_mode=True)
    return pooled.view(*energy.shape[:3], -1)


def _decibels(energy: Tensor) -> Tensor:
    return 10.0 * torch.log10(energy.clamp_min(10.0 ** (FLOOR_DB / 10.0)))
