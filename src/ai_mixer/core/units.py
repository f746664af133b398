"""Conversions between decibels and ratios, and the scales of knobs.

A scale maps a position on 0–1 to a value in physical units and back. Positions outside 0–1 are
extrapolated, not clamped: clamping is left to the caller.
"""

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

SILENCE_DB = -120.0  # level that is reported for digital silence


def db_to_ratio(level_db: Tensor) -> Tensor:
    """Amplitude ratio of a level in dB: 10^(dB/20)."""
    return torch.exp(level_db * (math.log(10.0) / 20.0))


def ratio_to_db(ratio: Tensor, floor_db: float = SILENCE_DB) -> Tensor:
    """Level in dB of an amplitude ratio, at least `floor_db`."""
    return 20.0 * torch.log10(ratio.clamp_min(10.0 ** (floor_db / 20.0)))


def gain_value_db(value: float, unit: str) -> float:
    """Value of a gain knob in dB; its unit is dB or an amplitude ratio.

    >>> gain_value_db(-3.0, "dB"), gain_value_db(10.0, "ratio")
    (-3.0, 20.0)
    """
    return value if unit == "dB" else 20.0 * math.log10(max(value, 10.0 ** (SILENCE_DB / 20.0)))


Scale = Literal["linear", "log", "slope"]
"""Name of a knob's scale."""


class ScaleFunctions(NamedTuple):
    """A scale and its inverse: `warp(value)` is linear in the knob's position."""

    warp: Callable[[Any], Any]
    unwarp: Callable[[Any], Any]


def scale_functions(m: ModuleType) -> dict[str, ScaleFunctions]:
    """All scales over the functions of a module: torch for tensors, numpy for numbers."""
    return {
        "linear": ScaleFunctions(lambda value: value, lambda warped: warped),
        "log": ScaleFunctions(m.log, m.exp),
        # The perceived effect of a compressor's ratio R:1 follows its slope 1 − 1/R.
        "slope": ScaleFunctions(lambda ratio: 1.0 - 1.0 / ratio, lambda slope: 1.0 / (1.0 - slope)),
    }


SCALES = scale_functions(torch)
SCALES_OF_NUMBERS = scale_functions(math)
