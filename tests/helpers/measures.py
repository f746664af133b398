"""How far a result is from what it should be."""

import math

import numpy as np
import torch


def residual_db(got: torch.Tensor | np.ndarray, want: torch.Tensor | np.ndarray) -> float:
    """Energy of the difference as a ratio to the energy of `want`, in dB.

    10 · log10(Σ (got − want)² / Σ want²), over all elements, in double precision. −inf where they
    are equal, silence included; +inf where `want` is silent and `got` is not. ValueError where
    shapes differ: broadcasting would compare something else.
    """
    got, want = (torch.as_tensor(one).detach().double() for one in (got, want))
    if got.shape != want.shape:
        raise ValueError(f"shapes differ: {tuple(got.shape)} and {tuple(want.shape)}")
    error, energy = float((got - want).square().sum()), float(want.square().sum())
    if error == 0.0:
        return -math.inf
    return 10.0 * math.log10(error / energy) if energy > 0.0 else math.inf


def to_db(ratio: torch.Tensor | float) -> float:
    """20 · log10 of an amplitude ratio; −inf for 0. ValueError if it is negative."""
    return 20.0 * math.log10(float(ratio)) if ratio != 0 else -math.inf
