"""Echoes for a bus: a delay whose time, feedback and tone are knobs."""

from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.feedback_delay import feedback_delay
from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.effect import Effect


class DelayBus(Effect):
    """y[n] = L(v[n − D]), v = x + feedback · y: echoes only, without the dry signal.

    L: first-order low-pass; each echo passes it once more. v is interpolated between samples. The
    levels of the sends are neutral at 0.

    Knobs, [B] each, with gradients: time_ms: D, above 0; longer ones than max_time_ms, and those
    below two samples, are set to these limits. feedback: amplitude ratio of an echo to the one
    before it, at least 0 and below 1. tone_hz: cut-off frequency of L, above 0. ValueError for a
    max_time_ms that is not above 0. No inverse.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("time_ms", "feedback", "tone_hz")
    shape_knobs: ClassVar[tuple[str, ...]] = knob_names
    wet_only: ClassVar[bool] = True

    def __init__(self, max_time_ms: float = 2000.0) -> None:
        super().__init__()
        if max_time_ms <= 0.0:
            raise ValueError(f"max_time_ms: needs a value above 0, got {max_time_ms}")
        self.max_time_ms = max_time_ms

    def forward(  # type: ignore[override]
        self, x: Tensor, sample_rate: int, *, time_ms: Tensor, feedback: Tensor, tone_hz: Tensor
    ) -> Tensor:
        """x: [B, C, T]; knobs: [B]. Returns [B, C, T]."""
        arguments = (time_ms, feedback, tone_hz, self.max_time_ms)
        settings = evaluate(Formula.FEEDBACK_DELAY, arguments, sample_rate)
        return feedback_delay(x, torch.stack(settings, dim=1))

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        arguments: tuple[str | float, ...] = (*self.knob_names, self.max_time_ms)
        constants = (self.max_time_ms,)
        return StreamingKernel(KernelKind.DELAY, Formula.FEEDBACK_DELAY, arguments, constants)
