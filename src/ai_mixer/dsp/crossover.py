"""Second-order Butterworth filters and Linkwitz–Riley crossovers made of them.

Linkwitz, "Active Crossover Networks for Noncoincident Drivers", JAES 24(1), 1976: each branch is
a Butterworth filter twice, and both branches sum to an all-pass.

A Butterworth shelf with the gain g below the frequency is a sum of filters that do not depend on g,
H = (s² + √(2g) s + g) / (s² + √2 s + 1) = 1 + (g − 1) L + √2 (√g − 1) M with low-pass L and
band-pass M; above it, the high-pass stands for L. So g may change with each sample.
"""

import math

import torch
from torch import Tensor

from ai_mixer.dsp.formulas import MAX_FREQUENCY_RATIO
from ai_mixer.dsp.recursions import biquad
from ai_mixer.utils.compilation import njit

SQRT2 = math.sqrt(2.0)


@njit(cache=True, nogil=True)
def butterworth(frequency_hz, sample_rate):  # type: ignore[no-untyped-def]
    """k, 1/norm, a₁ and a₂: low-pass k² (1, 2, 1) / norm, band-pass k (1, 0, −1) / norm and
    high-pass (1, −2, 1) / norm, all over (1, a₁, a₂).
    """
    limited_hz = min(frequency_hz, MAX_FREQUENCY_RATIO * sample_rate)
    k = math.tan(math.pi * limited_hz / sample_rate)
    scale = 1.0 / (1.0 + SQRT2 * k + k * k)
    return k, scale, 2.0 * (k * k - 1.0) * scale, (1.0 - SQRT2 * k + k * k) * scale


class Butterworth:
    """Low-pass, band-pass and high-pass at one frequency, for audio [B, C, T]."""

    def __init__(self, frequency_hz: float, sample_rate: int) -> None:
        # The function itself: torch.export and torch.compile cannot call a compiled one.
        function = getattr(butterworth, "py_func", butterworth)
        k, scale, *self._a = function(frequency_hz, float(sample_rate))
        self._low = (k * k * scale, 2.0 * k * k * scale, k * k * scale)
        self._band, self._high = (k * scale, 0.0, -k * scale), (scale, -2.0 * scale, scale)

    def low(self, x: Tensor) -> Tensor:
        """Low-pass."""
        return self._filter(x, self._low)

    def band(self, x: Tensor) -> Tensor:
        """Band-pass with the gain 1/√2 at the frequency."""
        return self._filter(x, self._band)

    def high(self, x: Tensor) -> Tensor:
        """High-pass."""
        return self._filter(x, self._high)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Low and high branch of a Linkwitz–Riley crossover of fourth order."""
        return self.low(self.low(x)), self.high(self.high(x))

    def low_shelf(self, x: Tensor, gain: Tensor) -> Tensor:
        """Shelf with a gain of its own for each sample, [B, 1, T]."""
        return self._shelf(x, self.low(x), gain)

    def high_shelf(self, x: Tensor, gain: Tensor) -> Tensor:
        """Shelf with a gain of its own for each sample, [B, 1, T]."""
        return self._shelf(x, self.high(x), gain)

    def _shelf(self, x: Tensor, part: Tensor, gain: Tensor) -> Tensor:
        return x + (gain - 1.0) * part + SQRT2 * (gain.sqrt() - 1.0) * self.band(x)

    def _filter(self, x: Tensor, b: tuple[float, float, float]) -> Tensor:
        rows = torch.tensor([b, (1.0, *self._a)], dtype=torch.float64, device=x.device)
        b_rows, a_rows = rows[:, None].expand(2, x.shape[0], 3)
        return biquad(x, b_rows, a_rows)
