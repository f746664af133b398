"""Shelving equaliser: boost or cut below (or above) a corner frequency."""

from typing import ClassVar

from torch import Tensor

from ai_mixer.dsp.filters import Biquad, high_shelf, low_shelf
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.filter_effect import FilterEffect

KINDS = {
    "low": (low_shelf, Formula.LOW_SHELF),
    "high": (high_shelf, Formula.HIGH_SHELF),
}


def check_kind(kind: str) -> None:
    """ValueError for an unknown kind of shelf."""
    if kind not in KINDS:
        raise ValueError(f"kind: {kind!r} is unknown, choose one of {sorted(KINDS)}")


class Shelf(FilterEffect):
    """Second-order shelf (RBJ cookbook). Knob `gain_db`: dB, any sign; 0 is neutral.

    kind: "low" or "high"; ValueError otherwise. frequency_hz: frequency of half the dB; kept below
    0.49 of the sample rate. slope: 0–1; 1 is the steepest shelf with a monotonic response.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("gain_db",)

    def __init__(self, kind: str = "low", frequency_hz: float = 200.0, slope: float = 1.0) -> None:
        super().__init__()
        check_kind(kind)
        self.design, self.formula = KINDS[kind]
        self.frequency_hz, self.slope = frequency_hz, slope

    def biquad(self, sample_rate: int, *, gain_db: Tensor) -> Biquad:  # type: ignore[override]
        """Coefficients. gain_db: [B]."""
        return self.design(gain_db, self.frequency_hz, self.slope, sample_rate)

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        arguments = ("gain_db", self.frequency_hz, self.slope)
        return StreamingKernel(KernelKind.FILTER, self.formula, arguments)

    def invert(self, y: Tensor, sample_rate: int, *, gain_db: Tensor) -> Tensor:  # type: ignore[override]
        """Return the input for which `forward` gives y."""
        return self(y, sample_rate, gain_db=-gain_db)
