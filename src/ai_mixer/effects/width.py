"""Stereo width: level of the side signal relative to the mid signal."""

from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.channel_matrix import mix_channels
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
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
        matrix = self.channel_matrix(sample_rate, x.shape[1], width=width.double())
        assert matrix is not None
        return mix_channels(x, matrix)

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        return StreamingKernel(KernelKind.MIX, Formula.WIDTH, ("width",))

    def invert(self, y: Tensor, sample_rate: int, *, width: Tensor) -> Tensor:  # type: ignore[override]
        """Return the input for which `forward` gives y."""
        return self.forward(y, sample_rate, width=1 / width)

    def audible(self, x: Tensor, sample_rate: int, *, width: Tensor) -> Tensor:  # type: ignore[override]
        """False for mono and near-mono input, [B] bool."""
        return side_is_audible(x, self.inaudible_db)


def side_is_audible(x: Tensor, inaudible_db: float) -> Tensor:
    """Whether the energy of the side exceeds `inaudible_db` relative to the mid, [B] bool."""
    if x.shape[1] == 1:
        return torch.zeros(x.shape[0], dtype=torch.bool, device=x.device)
    mid, side = _mid_side(x)
    return side.square().sum(-1) > 10 ** (inaudible_db / 10) * mid.square().sum(-1)


def _mid_side(x: Tensor) -> tuple[Tensor, Tensor]:
    left, right = x.unbind(dim=1)
    return (left + right) / 2, (left - right) / 2
