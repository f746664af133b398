"""Delay with feedback (feedback comb filter)."""

from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.operators import empty_like, holds, operator
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.dsp.wet_mix import Parts, mix_wet, mix_wet_backward, register_wet_mix
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


def _echo_blocks(x: Tensor, delay: int, feedback: float, transposed: bool) -> Parts:
    """Output of the comb filter, or of its transpose, which is the same backwards in time.

    In blocks of D samples, because inside a block there is no feedback. They may be overwritten.
    """
    length = x.shape[-1]
    echo = x.new_zeros(*x.shape[:-1], min(delay, length))
    for start in range(0, length, delay):
        stop = min(start + delay, length)
        part = slice(length - stop, length - start) if transposed else slice(start, stop)
        next_count = min(delay, length - stop)
        source = slice(stop - start - next_count, None) if transposed else slice(next_count)
        later = torch.add(x[..., part][..., source], echo[..., source], alpha=feedback)
        yield part, echo
        echo = later


@operator(empty_like(0), devices=None)
def _echoes(x: Tensor, delay: int, feedback: float, transposed: bool) -> Tensor:
    """The comb filter, or its transpose."""
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    for part, echo in _echo_blocks(x, delay, feedback, transposed):
        y[..., part] = echo
    return y


@operator(empty_like(0), n_batched=2, devices=None)
def _add_echoes(x: Tensor, wet: Tensor, delay: int, feedback: float) -> Tensor:
    return mix_wet(x, wet, _echo_blocks(x, delay, feedback, False))


@operator(empty_like(1, 2), n_batched=3, devices=None)
def _add_echoes_backward(
    grad: Tensor, x: Tensor, wet: Tensor, delay: int, feedback: float
) -> tuple[Tensor, Tensor]:
    return mix_wet_backward(grad, x, wet, _echo_blocks(grad, delay, feedback, True))


register_wet_mix(_add_echoes, _add_echoes_backward, _echoes)
