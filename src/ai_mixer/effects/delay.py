"""Echoes at a fixed time, each one quieter than the one before: a feedback comb."""

from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.effects.effect import Effect


class Delay(Effect):
    """y = (1 − wet)·x + wet·e, where e[n] = x[n − D] + feedback·e[n − D].

    Knob `wet`: 0–1, [B]; 0 is the identity. The delay D is rounded to whole samples, the recursion
    is exact. ValueError if `delay_ms` ≤ 0 or `feedback` is outside 0 ≤ feedback < 1.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("wet",)
    invertible: ClassVar[bool] = False

    def __init__(self, delay_ms: float = 350.0, feedback: float = 0.35) -> None:
        super().__init__()
        if delay_ms <= 0:
            raise ValueError(f"delay_ms must be above 0, got {delay_ms}")
        if not 0 <= feedback < 1:
            raise ValueError(f"feedback must be 0 or more and below 1, got {feedback}")
        self.delay_ms, self.feedback = delay_ms, feedback

    def forward(self, x: Tensor, sample_rate: int, *, wet: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; wet: [B], 0–1. Returns [B, C, T]."""
        if not wet.requires_grad and not wet.any():
            return x
        return torch.lerp(x, self._echoes(x, sample_rate), wet[:, None, None])

    def _echoes(self, x: Tensor, sample_rate: int) -> Tensor:
        """The recursion, one block of D samples at a time: inside a block nothing feeds back."""
        delay = max(1, round(self.delay_ms * sample_rate / 1000))
        echo = x.new_zeros(*x.shape[:-1], delay)
        echoes = []
        for block in torch.split(x, delay, dim=-1):
            echoes.append(echo[..., : block.shape[-1]])
            if block.shape[-1] == delay:  # the last block may be short, and nothing follows it
                echo = block + self.feedback * echo
        return torch.cat(echoes, dim=-1)
