"""Stereo width: level of the side signal relative to the mid signal."""

from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.operators import empty_like, operator
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.dsp.wet_mix import mix_wet, mix_wet_backward, register_wet_mix, whole
from ai_mixer.effects.effect import Effect


class Width(Effect):
    """Scale the side: m = (l + r) / 2, s = (l − r) / 2, out = (m + width·s, m − width·s).

    Knob `width`: ratio, [B], above 0; 1 is the identity. Mono is unchanged. The knob is inaudible
    if the energy of the side is at most `inaudible_db` relative to the mid.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("width",)

    def __init__(self, inaudible_db: float = -40.0) -> None:
        super().__init__()
        self.inaudible_db = inaudible_db

    def forward(self, x: Tensor, sample_rate: int, *, width: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]; width: [B] ratio. Returns [B, C, T]."""
        if x.shape[1] == 1:
            return x
        # Equivalent to the formula above: each channel mixed with the other one.
        y: Tensor = _mix_swapped(x, ((1 - width) / 2).to(x.dtype))
        return y

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        return StreamingKernel(KernelKind.MIX, Formula.WIDTH, ("width",))

    def invert(self, y: Tensor, sample_rate: int, *, width: Tensor) -> Tensor:  # type: ignore[override]
        """Return the input for which `forward` gives y."""
        return self.forward(y, sample_rate, width=1 / width)

    def audible(self, x: Tensor, sample_rate: int, *, width: Tensor) -> Tensor:  # type: ignore[override]
        """False for mono and near-mono input, [B] bool."""
        return side_is_audible(x, self.inaudible_db)


@operator(empty_like(0), devices=None)
def _swap_channels(x: Tensor, transposed: bool) -> Tensor:
    """Left and right exchanged, which is its own transpose."""
    return x.flip(1)


@operator(empty_like(0), n_batched=2, devices=None)
def _mix_swapped(x: Tensor, share: Tensor) -> Tensor:
    return mix_wet(x, share, whole(x.flip(1)))


@operator(empty_like(1, 2), n_batched=3, devices=None)
def _mix_swapped_backward(grad: Tensor, x: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    return mix_wet_backward(grad, x, share, whole(grad.flip(1)))


register_wet_mix(_mix_swapped, _mix_swapped_backward, _swap_channels)


def side_is_audible(x: Tensor, inaudible_db: float) -> Tensor:
    """Whether the energy of the side exceeds `inaudible_db` relative to the mid, [B] bool."""
    if x.shape[1] == 1:
        return torch.zeros(x.shape[0], dtype=torch.bool, device=x.device)
    mid, side = _mid_side(x)
    return side.square().sum(-1) > 10 ** (inaudible_db / 10) * mid.square().sum(-1)


def _mid_side(x: Tensor) -> tuple[Tensor, Tensor]:
    left, right = x.unbind(dim=1)
    return (left + right) / 2, (left - right) / 2
