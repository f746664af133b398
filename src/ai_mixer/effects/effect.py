"""What every effect is: a pure function of audio and physical knob values, with gradients."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from ai_mixer.dsp.streaming_chain import StreamingKernel


class Effect(nn.Module):
    """One processor of the console.

    `knob_names` are the keyword arguments of `forward` (physical units, one value per song, [B]).
    Everything else is fixed in the constructor, from config. Effects hold no state between calls.
    """

    knob_names: ClassVar[tuple[str, ...]] = ()
    invertible: ClassVar[bool] = True

    def forward(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """x: [B, C, T], full scale = 1; knobs: [B]. Returns [B, C, T]."""
        raise NotImplementedError

    def streaming_kernel(self, sample_rate: int, channels: int) -> StreamingKernel:
        """The effect for live audio, at rest: a step of `dsp.chain`."""
        raise NotImplementedError(f"{type(self).__name__} cannot be played live: it has no step")

    def coefficients(self, sample_rate: int, **knobs: Tensor) -> Tensor:
        """What its step makes of the knobs: [B] each → [B, K], float64 inside the chain."""
        raise NotImplementedError(f"{type(self).__name__} cannot be played live: it has no step")

    def invert(self, y: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """The input that `forward` turns into y. NotImplementedError if not `invertible`."""
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def audible(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """[B] bool: can these knobs be heard on this input at all?"""
        return torch.ones(x.shape[0], dtype=torch.bool, device=x.device)
