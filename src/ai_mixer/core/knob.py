"""A control of a console: positions 0–1 and physical values."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ai_mixer.core.units import SCALES, SCALES_OF_NUMBERS, Scale


@dataclass(frozen=True)
class Knob:
    """One console control: a position 0–1 outside the console, a physical value inside effects.

    low, high, neutral: physical values in `unit`. ValueError for an unknown scale or a range that
    is empty or excludes `neutral`.
    """

    name: str
    unit: str
    low: float
    high: float
    scale: Scale
    neutral: float

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(
                f"knob {self.name}: scale {self.scale!r} is unknown: use one of {sorted(SCALES)}"
            )
        if not self.low <= self.neutral <= self.high or self.low >= self.high:
            raise ValueError(
                f"knob {self.name}: needs low ≤ neutral ≤ high and low < high, "
                f"got {self.low}, {self.neutral}, {self.high}"
            )

    def to_physical(self, position: Tensor) -> Tensor:
        """Convert positions to physical values: 0 gives `low`, 1 gives `high`."""
        low, high = self._warped_limits()
        return SCALES[self.scale].unwarp(low + position * (high - low))

    def to_position(self, value: Tensor) -> Tensor:
        """Convert physical values to positions 0–1."""
        low, high = self._warped_limits()
        return (SCALES[self.scale].warp(value) - low) / (high - low)

    @property
    def neutral_position(self) -> float:
        """Position 0–1 at which the effect is the identity."""
        return float(self.to_position(torch.tensor(self.neutral, dtype=torch.float64)))

    def _warped_limits(self) -> tuple[float, float]:
        warp = SCALES_OF_NUMBERS[self.scale].warp
        return warp(self.low), warp(self.high)


def knob_names(knobs: Iterable[Knob]) -> list[str]:
    """Return the names in knob order."""
    return [knob.name for knob in knobs]
