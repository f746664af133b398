"""Decibels, ratios and the scales a knob can have.

A scale maps a position on 0–1 to a value in physical units and back. Positions outside 0–1 are
extrapolated, never clamped: limiting is the caller's decision.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

SILENCE_DB = -120.0  # what a level meter shows for digital silence


def db_to_ratio(level_db: Tensor) -> Tensor:
    """Amplitude ratio of a level in dB: 10^(dB/20)."""
    return torch.exp(level_db * (math.log(10.0) / 20.0))


def ratio_to_db(ratio: Tensor, floor_db: float = SILENCE_DB) -> Tensor:
    """Level in dB of an amplitude ratio; anything below `floor_db` reads `floor_db`."""
    return 20.0 * torch.log10(ratio.clamp_min(10.0 ** (floor_db / 20.0)))


class Scale(NamedTuple):
    """How a knob's travel is spread over its values: `warp` makes values linear in position."""

    warp: Callable[[Tensor], Tensor]
    unwarp: Callable[[Tensor], Tensor]


SCALES: dict[str, Scale] = {
    "linear": Scale(lambda value: value, lambda warped: warped),
    "log": Scale(torch.log, torch.exp),
    # A compressor's ratio R:1 is heard by its slope 1 − 1/R.
    "slope": Scale(lambda ratio: 1.0 - 1.0 / ratio, lambda slope: 1.0 / (1.0 - slope)),
}
