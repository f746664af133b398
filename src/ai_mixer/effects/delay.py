"""Delay with feedback (feedback comb filter)."""

from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.operators import empty_like, holds, operator
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
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
        delay = self._samples(sample_rate)
        return torch.lerp(x, _echoes(x, delay, self.feedback), wet.to(x.dtype)[:, None, None])

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        constants = (self.feedback, self.delay_ms)
        return StreamingKernel(KernelKind.ECHO, Formula.VALUE, ("wet",), constants)

    def _samples(self, sample_rate: int) -> int:
        return max(1, round(self.delay_ms * sample_rate / 1000))


@operator(empty_like(0), devices=None)
def _echoes(x: Tensor, delay: int, feedback: float) -> Tensor:
    """The comb filter, in blocks of D samples: inside a block there is no feedback."""
    echo = x.new_zeros(x.shape)
    for start in range(delay, x.shape[-1], delay):
        length = min(delay, x.shape[-1] - start)
        before = slice(start - delay, start - delay + length)
        torch.add(
            x[..., before], echo[..., before], alpha=feedback, out=echo[..., start : start + length]
        )
    return echo


_echoes.register_gradient(  # the same filter backwards in time
    lambda _, constants, grad: (_echoes(grad.flip(-1), *constants).flip(-1),), save=lambda *_: ()
)
