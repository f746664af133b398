"""Second-order equaliser filters, differentiable in gain, frequency and shape (`dsp.formulas`)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.dsp.formulas import Formula, evaluate

Value = Tensor | float
"""A number for all songs, or one value per song, [B]."""


class Biquad(NamedTuple):
    """Coefficients of `recursions.biquad`: b and a, [B, 3] float64, a[:, 0] = 1."""

    b: Tensor
    a: Tensor


def peak(gain_db: Tensor, frequency_hz: Value, q: Value, sample_rate: float) -> Biquad:
    """Peaking filter: gain_db at frequency_hz. gain_db: [B]; q: frequency over bandwidth."""
    _check_positive("frequency_hz", frequency_hz)
    _check_positive("q", q)
    return to_biquad(evaluate(Formula.PEAK, (gain_db, frequency_hz, q), sample_rate))


def low_shelf(gain_db: Tensor, frequency_hz: Value, slope: Value, sample_rate: float) -> Biquad:
    """Low shelf: gain_db below frequency_hz, 0 dB above, half the dB at it.

    gain_db: [B]; slope: 0–1; 1 is the steepest shelf with a monotonic response.
    """
    _check_positive("frequency_hz", frequency_hz)
    _check_slope(slope)
    return to_biquad(evaluate(Formula.LOW_SHELF, (gain_db, frequency_hz, slope), sample_rate))


def high_shelf(gain_db: Tensor, frequency_hz: Value, slope: Value, sample_rate: float) -> Biquad:
    """High shelf: gain_db above frequency_hz, 0 dB below; the low shelf with z → −z."""
    _check_positive("frequency_hz", frequency_hz)
    _check_slope(slope)
    return to_biquad(evaluate(Formula.HIGH_SHELF, (gain_db, frequency_hz, slope), sample_rate))


def to_biquad(coefficients: Sequence[Tensor]) -> Biquad:
    """Arrange b₀ b₁ b₂ a₁ a₂, [B] each, as a `Biquad`."""
    b0, b1, b2, a1, a2 = coefficients
    return Biquad(torch.stack([b0, b1, b2], -1), torch.stack([torch.ones_like(a1), a1, a2], -1))


def _check_positive(name: str, value: Value) -> None:
    if not isinstance(value, Tensor) and value <= 0.0:
        raise ValueError(f"{name}: needs a value above 0, got {value}")


def _check_slope(slope: Value) -> None:
    if not isinstance(slope, Tensor) and not 0.0 < slope <= 1.0:
        raise ValueError(f"slope: needs 0 < slope ≤ 1, got {slope}")
