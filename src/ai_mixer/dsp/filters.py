"""Coefficients of second-order equaliser filters, differentiable in their gain.

Robert Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients" (1998; W3C note
2021). The filter at −gain_db is exactly the inverse of the one at gain_db.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

MAX_FREQUENCY_RATIO = 0.49
"""Highest filter frequency as a ratio of the sample rate. Higher frequencies are set to it: a file
at 8 kHz has no band at 5 kHz, but the lower skirt of the filter remains in effect."""


class Biquad(NamedTuple):
    """Coefficients of `recursions.biquad`: b and a, [B, 3] float64, a[:, 0] = 1."""

    b: Tensor
    a: Tensor

    def to_coefficients(self) -> Tensor:
        """Return b₀ b₁ b₂ a₁ a₂ as [B, 5]."""
        return torch.cat([self.b, self.a[:, 1:]], dim=1)


def peak(gain_db: Tensor, frequency_hz: float, q: float, sample_rate: int) -> Biquad:
    """Peaking filter: gain_db at frequency_hz. gain_db: [B]; q: frequency over bandwidth."""
    amplitude, cosine, sine = _design(gain_db, frequency_hz, sample_rate)
    alpha = sine / (2.0 * _positive("q", q))
    flat = torch.full_like(amplitude, -2.0 * cosine)
    up, down = alpha * amplitude, alpha / amplitude
    return _normalise([1.0 + up, flat, 1.0 - up], [1.0 + down, flat, 1.0 - down])


def low_shelf(gain_db: Tensor, frequency_hz: float, slope: float, sample_rate: int) -> Biquad:
    """Low shelf: gain_db below frequency_hz, 0 dB above, half the dB at it.

    gain_db: [B]; slope: 0–1; 1 is the steepest shelf with a monotonic response.
    """
    amplitude, cosine, sine = _design(gain_db, frequency_hz, sample_rate)
    return _shelf(amplitude, cosine, sine, slope)


def high_shelf(gain_db: Tensor, frequency_hz: float, slope: float, sample_rate: int) -> Biquad:
    """High shelf: gain_db above frequency_hz, 0 dB below; the low shelf with z → −z."""
    amplitude, cosine, sine = _design(gain_db, frequency_hz, sample_rate)
    b, a = _shelf(amplitude, -cosine, sine, slope)
    mirror = torch.tensor([1.0, -1.0, 1.0]).to(b)
    return Biquad(b * mirror, a * mirror)


def _design(gain_db: Tensor, frequency_hz: float, sample_rate: int) -> tuple[Tensor, float, float]:
    """The cookbook's A = 10^(dB/40), cos ω and sin ω."""
    frequency_hz = min(_positive("frequency_hz", frequency_hz), MAX_FREQUENCY_RATIO * sample_rate)
    omega = 2.0 * math.pi * frequency_hz / sample_rate
    return torch.exp(gain_db.double() * (math.log(10.0) / 40.0)), math.cos(omega), math.sin(omega)


def _shelf(amplitude: Tensor, cosine: float, sine: float, slope: float) -> Biquad:
    if not 0.0 < slope <= 1.0:
        raise ValueError(f"slope: needs 0 < slope ≤ 1, got {slope}")
    steepness = (amplitude + 1.0 / amplitude) * (1.0 / slope - 1.0) + 2.0
    width = torch.sqrt(amplitude * steepness) * sine  # the cookbook's 2 √A α
    above, below = amplitude + 1.0, amplitude - 1.0
    b = [
        above - below * cosine + width,
        2.0 * (below - above * cosine),
        above - below * cosine - width,
    ]
    a = [
        above + below * cosine + width,
        -2.0 * (below + above * cosine),
        above + below * cosine - width,
    ]
    return _normalise([amplitude * term for term in b], a)


def _normalise(b: list[Tensor], a: list[Tensor]) -> Biquad:
    return Biquad(torch.stack(b, dim=-1) / a[0][:, None], torch.stack(a, dim=-1) / a[0][:, None])


def _positive(name: str, value: float) -> float:
    if value <= 0.0:
        raise ValueError(f"{name}: needs a value above 0, got {value}")
    return value
