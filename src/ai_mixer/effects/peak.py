"""Peaking equaliser: boost or cut of a band around one frequency."""

from typing import ClassVar

from torch import Tensor

from ai_mixer.core.units import ratio_to_db
from ai_mixer.dsp.filters import Biquad, peak
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.filter_effect import FilterEffect


class Peak(FilterEffect):
    """Second-order peaking filter (RBJ cookbook). Knob `gain_db`: dB, any sign; 0 is neutral.

    frequency_hz: the centre, kept below 0.49 of the sample rate. q: centre over bandwidth.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("gain_db",)

    def __init__(self, frequency_hz: float = 1000.0, q: float = 0.7) -> None:
        super().__init__()
        self.frequency_hz, self.q = frequency_hz, q

    def biquad(self, sample_rate: int, *, gain_db: Tensor) -> Biquad:  # type: ignore[override]
        """Coefficients. gain_db: [B]."""
        return peak(gain_db, self.frequency_hz, self.q, sample_rate)

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        arguments = ("gain_db", self.frequency_hz, self.q)
        return StreamingKernel(KernelKind.FILTER, Formula.PEAK, arguments)

    def invert(self, y: Tensor, sample_rate: int, *, gain_db: Tensor) -> Tensor:  # type: ignore[override]
        """Return the input for which `forward` gives y."""
        return self(y, sample_rate, gain_db=-gain_db)


class Presence(FilterEffect):
    """Peaking filter in the presence band. Knob `ratio`: amplitude ratio at the centre, above 0; 1
    is neutral.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("ratio",)

    def __init__(self, frequency_hz: float = 5000.0, q: float = 0.7) -> None:
        super().__init__()
        self.peak = Peak(frequency_hz, q)

    def biquad(self, sample_rate: int, *, ratio: Tensor) -> Biquad:  # type: ignore[override]
        """Coefficients. ratio: [B]."""
        return self.peak.biquad(sample_rate, gain_db=ratio_to_db(ratio))

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        arguments = ("ratio", self.peak.frequency_hz, self.peak.q)
        return StreamingKernel(KernelKind.FILTER, Formula.PRESENCE, arguments)

    def invert(self, y: Tensor, sample_rate: int, *, ratio: Tensor) -> Tensor:  # type: ignore[override]
        """Return the input for which `forward` gives y."""
        return self(y, sample_rate, ratio=1.0 / ratio)
