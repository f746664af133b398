"""Low cut: a high-pass filter whose knob is the cut-off frequency."""

from typing import ClassVar

from torch import Tensor

from ai_mixer.dsp.filters import Biquad, to_biquad
from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.filter_effect import FilterEffect


class LowCut(FilterEffect):
    """Second-order Butterworth high-pass that fades out: the identity at `off_hz` and below.

    H(s) = (s² + √2 v s + v²) / (s² + √2 s + 1), s relative to the cut-off: a shelf with the gain v²
    at 0 Hz, minimum-phase and monotonic in frequency. √v falls linearly with the octaves above
    off_hz, and is 0 from 2 · off_hz on.

    Knob `frequency_hz`: −3 dB from 2 · off_hz on, above 0, kept below 0.49 of the sample rate;
    off_hz is neutral. No inverse: what is cut is lost.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("frequency_hz",)

    def __init__(self, off_hz: float = 10.0) -> None:
        super().__init__()
        if off_hz <= 0.0:
            raise ValueError(f"off_hz: needs a value above 0, got {off_hz}")
        self.off_hz = off_hz

    def biquad(self, sample_rate: int, *, frequency_hz: Tensor) -> Biquad:  # type: ignore[override]
        """Coefficients. frequency_hz: [B]."""
        return to_biquad(evaluate(Formula.LOW_CUT, (frequency_hz, self.off_hz), sample_rate))

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        arguments = ("frequency_hz", self.off_hz)
        return StreamingKernel(KernelKind.FILTER, Formula.LOW_CUT, arguments)
