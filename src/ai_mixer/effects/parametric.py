"""Parametric equaliser: bands whose frequency, gain and Q are knobs."""

from typing import ClassVar

from torch import Tensor

from ai_mixer.dsp.filters import Biquad, peak
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.filter_effect import FilterEffect
from ai_mixer.effects.shelf import KINDS, check_kind

AUDIBLE_GAIN_DB = 0.5  # below, frequency and Q are not heard


class ParametricPeak(FilterEffect):
    """Second-order peaking filter (RBJ cookbook). Knobs, [B] each, with gradients:

    frequency_hz: centre, above 0, kept below 0.49 of the sample rate. gain_db: dB, any sign; 0 is
    neutral. q: centre over bandwidth, above 0.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("frequency_hz", "gain_db", "q")
    shape_knobs: ClassVar[tuple[str, ...]] = ("frequency_hz", "q")

    def biquad(  # type: ignore[override]
        self, sample_rate: int, *, frequency_hz: Tensor, gain_db: Tensor, q: Tensor
    ) -> Biquad:
        """Coefficients. knobs: [B]."""
        return peak(gain_db, frequency_hz, q, sample_rate)

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        return StreamingKernel(KernelKind.FILTER, Formula.PEAK, ("gain_db", "frequency_hz", "q"))

    def invert(  # type: ignore[override]
        self, y: Tensor, sample_rate: int, *, frequency_hz: Tensor, gain_db: Tensor, q: Tensor
    ) -> Tensor:
        """Return the input for which `forward` gives y."""
        return self(y, sample_rate, frequency_hz=frequency_hz, gain_db=-gain_db, q=q)

    def audible_knobs(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> dict[str, Tensor]:
        """Frequency and Q are inaudible below 0.5 dB, [B] bool each."""
        return _audible_band(knobs)


class ParametricShelf(FilterEffect):
    """Second-order shelf (RBJ cookbook). Knobs, [B] each, with gradients:

    frequency_hz: frequency of half the dB, above 0, kept below 0.49 of the sample rate. gain_db:
    dB, any sign; 0 is neutral. kind: "low" or "high"; ValueError otherwise. slope: 0–1; 1 is the
    steepest shelf with a monotonic response.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("frequency_hz", "gain_db")
    shape_knobs: ClassVar[tuple[str, ...]] = ("frequency_hz",)

    def __init__(self, kind: str = "low", slope: float = 1.0) -> None:
        super().__init__()
        check_kind(kind)
        self.design, self.formula = KINDS[kind]
        self.slope = slope

    def biquad(  # type: ignore[override]
        self, sample_rate: int, *, frequency_hz: Tensor, gain_db: Tensor
    ) -> Biquad:
        """Coefficients. knobs: [B]."""
        return self.design(gain_db, frequency_hz, self.slope, sample_rate)

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        arguments = ("gain_db", "frequency_hz", self.slope)
        return StreamingKernel(KernelKind.FILTER, self.formula, arguments)

    def invert(  # type: ignore[override]
        self, y: Tensor, sample_rate: int, *, frequency_hz: Tensor, gain_db: Tensor
    ) -> Tensor:
        """Return the input for which `forward` gives y."""
        return self(y, sample_rate, frequency_hz=frequency_hz, gain_db=-gain_db)

    def audible_knobs(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> dict[str, Tensor]:
        """The frequency is inaudible below 0.5 dB, [B] bool each."""
        return _audible_band(knobs)


def _audible_band(knobs: dict[str, Tensor]) -> dict[str, Tensor]:
    audible = knobs["gain_db"].abs() >= AUDIBLE_GAIN_DB
    return {name: audible | (name == "gain_db") for name in knobs}
