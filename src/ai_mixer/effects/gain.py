"""Gain: multiplication by a constant, given as a ratio or in dB."""

from typing import ClassVar

from torch import Tensor

from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.effect import Effect


class Gain(Effect):
    """y = gain · x. Knob `gain`: amplitude ratio, above 0; 1 is neutral."""

    knob_names: ClassVar[tuple[str, ...]] = ("gain",)

    def forward(self, x: Tensor, sample_rate: int, *, gain: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; gain: [B] ratio. Returns [B, C, T]."""
        return x * gain.to(x.dtype)[:, None, None]

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        return StreamingKernel(KernelKind.MIX, Formula.GAIN, ("gain",))

    def invert(self, y: Tensor, sample_rate: int, *, gain: Tensor) -> Tensor:  # type: ignore[override]
        """Return the input for which `forward` gives y."""
        return self(y, sample_rate, gain=1.0 / gain)


class GainDb(Effect):
    """y = 10^(gain_db / 20) · x. Knob `gain_db`: dB, any sign; 0 is neutral."""

    knob_names: ClassVar[tuple[str, ...]] = ("gain_db",)

    def forward(self, x: Tensor, sample_rate: int, *, gain_db: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; gain_db: [B]. Returns [B, C, T]."""
        return x * db_to_ratio(gain_db.double()).to(x.dtype)[:, None, None]

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        return StreamingKernel(KernelKind.MIX, Formula.LEVEL, ("gain_db",))

    def invert(self, y: Tensor, sample_rate: int, *, gain_db: Tensor) -> Tensor:  # type: ignore[override]
        """Return the input for which `forward` gives y."""
        return self(y, sample_rate, gain_db=-gain_db)
