"""Delay with feedback (feedback comb filter)."""

from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.operators import empty_like, holds, operator
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.dsp.wet_mix import mix_wet, mix_wet_backward, register_wet_mix, whole
from ai_mixer.effects.effect import Effect


class Delay(Effect):
    """y = (1 − wet)·x + wet·e, where e[n] = x[n − D] + feedback·e[n − D].

    Knob `wet`: 0–1, [B]; 0 is the identity. The delay time D is rounded to whole samples.
    ValueError if `delay_ms` ≤ 0 or `feedback` is outside 0 ≤ feedback < 1.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("wet",)

    def __init__(self, delay_ms: float = 350.0, feedback: float = 0.35) -> None:
        super().__init__()
        if delay_ms <= 0:
            raise ValueError(f"delay_ms must be above 0, got {delay_ms}")
        if not 0 <= feedback < 1:
            raise ValueError(f"feedback must be 0 or more and below 1, got {feedback}")
        self.delay_ms, self.feedback = delay_ms, feedback

    def forward(self, x: Tensor, sample_rate: int, *, wet: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; wet: [B], 0–1. Returns [B, C, T]."""
        if not wet.requires_grad and holds(~wet.any()):
            return x
        y: Tensor = _add_echoes(x, wet.to(x.dtype), self._samples(sample_rate), self.feedback)
        return y

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        constants = (self.feedback, self.delay_ms)
        return StreamingKernel(KernelKind.ECHO, Formula.VALUE, ("wet",), constants)

    def _samples(self, sample_rate: int) -> int:
        return max(1, round(self.delay_ms * sample_rate / 1000))


@operator(empty_like(0), devices=None)
def _echoes(x: Tensor, delay: int, feedback: float, transposed: bool) -> Tensor:
    """The comb filter, or its transpose, which is the same backwards in time.

    In blocks of D samples: inside a block there is no feedback.
    """
    echo, length = torch.empty_like(x, memory_format=torch.contiguous_format), x.shape[-1]
    silent = min(delay, length)
    echo[..., slice(length - silent, None) if transposed else slice(silent)] = 0.0
    for number in range(delay, length, delay):
        start, stop = number, min(number + delay, length)
        source = slice(start - delay, stop - delay)
        if transposed:
            start, stop = length - stop, length - start
            source = slice(start + delay, stop + delay)
        echoed = echo[..., start:stop]
        torch.add(x[..., source], echo[..., source], alpha=feedback, out=echoed)
    return echo


@operator(empty_like(0), n_batched=2, devices=None)
def _add_echoes(x: Tensor, wet: Tensor, delay: int, feedback: float) -> Tensor:
    return mix_wet(x, wet, whole(_echoes.kernel(x, delay, feedback, False)))


@operator(empty_like(1, 2), n_batched=3, devices=None)
def _add_echoes_backward(
    grad: Tensor, x: Tensor, wet: Tensor, delay: int, feedback: float
) -> tuple[Tensor, Tensor]:
    return mix_wet_backward(grad, x, wet, whole(_echoes.kernel(grad, delay, feedback, True)))


register_wet_mix(_add_echoes, _add_echoes_backward, _echoes)
