"""Stems that are one mono signal, panned: their pan is a measurement, not a draw."""

import math

import torch
from torch import Tensor

MAX_RESIDUAL_DB = -50.0  # of what is not the panned mono signal, e.g. the rounding of 16 bit


def measure_pan(stems: Tensor) -> tuple[Tensor, Tensor]:
    """Pan of each stem by the law of `effects.pan`, and whether it is a panned mono signal.

    stems: [N, 2, T]. Returns −1 to 1, [N], and [N] bool.
    """
    x = stems.double()
    left, right = x.square().sum(-1).unbind(1)
    cross = (x[:, 0] * x[:, 1]).sum(-1)
    power = left + right
    # Eigenvalues of the 2 × 2 covariance: the smaller one is the power of the residual.
    smaller = (power - ((left - right).square() + 4.0 * cross.square()).sqrt()) / 2.0
    is_mono = (smaller <= 10.0 ** (MAX_RESIDUAL_DB / 10.0) * power) & (cross >= 0.0)
    angle = torch.atan2(right.sqrt(), left.sqrt())
    pan = angle * (4.0 / math.pi) - 1.0
    return torch.where(power > 0, pan, 0.0), is_mono


def project_to_mono(stems: Tensor, pan: Tensor, is_mono: Tensor) -> Tensor:
    """Panned mono stems without their residual; the others as they are: [N, 2, T]."""
    angle = (pan + 1.0) * math.pi / 4.0
    gains = torch.stack([angle.cos(), angle.sin()], dim=1)
    mono = torch.einsum("nc,nct->nt", gains, stems.double())
    panned = (gains[:, :, None] * mono[:, None]).to(stems.dtype)
    return torch.where(is_mono[:, None, None], panned, stems)
