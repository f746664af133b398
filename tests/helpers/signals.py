"""Deterministic test signals."""

import math

import torch
from torch import Tensor


def noise(
    *shape: int,
    seconds: float | None = None,
    rate: int = 44_100,
    seed: int = 0,
    level: float = 0.1,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """White Gaussian noise of RMS `level`: [*shape], or [*shape, T] if `seconds` is given."""
    samples = () if seconds is None else (round(seconds * rate),)
    generator = torch.Generator().manual_seed(seed)
    return level * torch.randn(*shape, *samples, generator=generator, dtype=dtype)


def sine(
    frequency_hz: float,
    seconds: float = 1.0,
    rate: int = 44_100,
    level: float = 1.0,
    phase: float = 0.0,
) -> Tensor:
    """Sine with peak `level`: [T] float64; phase in radians."""
    time_s = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return level * torch.sin(2 * math.pi * frequency_hz * time_s + phase)
