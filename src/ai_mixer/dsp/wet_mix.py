"""Operators y = (1 − wet)·x + wet·(h ∗ x) for a fixed linear filter h, with their gradients.

With q = hᵀ ∗ ∂y, the filter's transpose: ∂x = (1 − wet)·∂y + wet·q, and ∂wet = Σ (h ∗ x − x)·∂y =
Σ x·(q − ∂y), so that the filtered signal need not be kept.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ai_mixer.dsp.operators import Operator, gradient_by_vjp

Parts = Iterable[tuple[slice, Tensor]]
"""A filtered signal, part by part: range of samples and their values, [B, C, n]."""


def mix_wet(x: Tensor, wet: Tensor, filtered: Parts) -> Tensor:
    """Mix x [B, C, T] with the filtered signal. wet: [B]."""
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    for part, values in filtered:
        torch.lerp(x[..., part], values, wet[:, None, None], out=y[..., part])
    return y


def mix_wet_backward(
    grad: Tensor, x: Tensor, wet: Tensor, filtered_grad: Parts
) -> tuple[Tensor, Tensor]:
    """Gradient of `mix_wet` to x and wet. filtered_grad: q, which is overwritten."""
    grad_x = torch.empty_like(grad, memory_format=torch.contiguous_format)
    grad_wet = torch.zeros_like(wet)
    for part, values in filtered_grad:
        change = values.sub_(grad[..., part])
        torch.addcmul(grad[..., part], wet[:, None, None], change, out=grad_x[..., part])
        grad_wet += change.mul_(x[..., part]).sum((1, 2))
    return grad_x, grad_wet


def register_wet_mix(mix: Operator, backward: Operator, convolve: Operator) -> None:
    """Register the gradients of three operators.

    mix: (x, wet, constants) → y. backward: (∂y, x, wet, constants) → ∂x, ∂wet. convolve: the filter
    alone, (x, constants, transposed) → h ∗ x or hᵀ ∗ x.
    """

    def gradient(grad: Tensor, x: Tensor, wet: Tensor, *constants: Any) -> tuple[Tensor, Tensor]:
        change = convolve(grad, *constants, True) - grad
        return torch.addcmul(grad, wet[:, None, None], change), (x * change).sum((1, 2))

    mix.register_gradient(
        lambda saved, constants, grad: backward(grad, *saved, *constants),
        save=lambda inputs, _: inputs[:2],
    )
    backward.register_gradient(
        gradient_by_vjp(gradient, 3), save=lambda inputs, _: inputs[:3], n_differentiable=2
    )
    convolve.register_gradient(
        lambda _, constants, grad: (convolve(grad, *constants[:-1], not constants[-1]),),
        save=lambda *_: (),
    )
