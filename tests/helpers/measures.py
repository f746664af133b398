"""Measures of the difference between results and expected values."""

import math

import numpy as np
import torch


def residual_db(got: torch.Tensor | np.ndarray, want: torch.Tensor | np.ndarray) -> float:
    """Energy of the difference relative to the energy of `want`, in dB.

    10 · log10(Σ (got − want)² / Σ want²) over all elements, in double precision. −inf for equal
    signals, silence included; +inf if `want` is silent and `got` is not; NaN for NaN. ValueError
    for different shapes, which are not broadcast.
    """
    got, want = (torch.as_tensor(one).detach().double() for one in (got, want))
    if got.shape != want.shape:
        raise ValueError(f"shapes differ: {tuple(got.shape)} and {tuple(want.shape)}")
    error, energy = float((got - want).square().sum()), float(want.square().sum())
    if error == 0.0:
        return -math.inf
    return 10.0 * math.log10(error / energy) if energy > 0.0 else math.inf


def to_db(ratio: torch.Tensor | float) -> float:
    """Level in dB of an amplitude ratio; −inf for 0. ValueError if it is negative."""
    return 20.0 * math.log10(float(ratio)) if ratio != 0 else -math.inf
