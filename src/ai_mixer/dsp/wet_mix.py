"""Operators y = (1 − wet)·x + wet·(h ∗ x) for a fixed linear filter h, with their gradients.

With q = hᵀ ∗ ∂y, the filter's transpose: ∂x = (1 − wet)·∂y + wet·q, and ∂wet = Σ (h ∗ x − x)·∂y =
Σ x·(q − ∂y), so that the filtered signal need not be kept.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.operators import Operator, gradient_by_vjp
from ai_mixer.dsp.recursions import FASTMATH_FLAGS, Array, run_on_rows
from ai_mixer.utils.compilation import njit

Parts = Iterable[tuple[slice, Tensor]]
"""A filtered signal, part by part: range of samples and their values, [B, C, n]."""
SAMPLES_PER_SUM = 1024  # summed in the audio's type, in the lanes of vectors, then in float64


def mix_wet(x: Tensor, wet: Tensor, filtered: Parts) -> Tensor:
    """Mix x [B, C, T] with the filtered signal. wet: [B]."""
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    for part, values in filtered:
        torch.lerp(x[..., part], values, wet[:, None, None], out=y[..., part])
    return y


def mix_wet_backward(
    grad: Tensor, x: Tensor, wet: Tensor, filtered_grad: Parts
) -> tuple[Tensor, Tensor]:
    """Gradient of `mix_wet` to x and wet. filtered_grad: q, which may be overwritten."""
    grad_x = torch.empty_like(grad, memory_format=torch.contiguous_format)
    if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64):
        grad_wet = torch.zeros_like(wet, dtype=torch.float64)
        tensors = (grad.contiguous(), x.contiguous(), wet, grad_x, grad_wet)
        arrays = [tensor.numpy() for tensor in tensors]
        for part, values in filtered_grad:
            _add_part(part, values, *arrays)
        return grad_x, grad_wet.to(wet)
    grad_wet = torch.zeros_like(wet)
    for part, values in filtered_grad:
        change = values.sub_(grad[..., part])
        torch.addcmul(grad[..., part], wet[:, None, None], change, out=grad_x[..., part])
        grad_wet += change.mul_(x[..., part]).sum((1, 2))
    return grad_x, grad_wet


def _add_part(part: slice, values: Tensor, *arrays: Array) -> None:
    """Gradient of a part of all songs; values: [B, C, n].

    The values are a part of a larger array. The kernel receives them flat with the distances of
    songs and channels, because numba vectorises loops over contiguous arrays only.
    """
    strides = values.stride()
    size = 1 + sum((n - 1) * stride for n, stride in zip(values.shape, strides, strict=True))
    flat = values.as_strided((size,), (1,)).numpy()
    constants = (flat, *strides[:2], part.start, values.shape[2])
    songs = np.arange(len(values))
    run_on_rows(lambda *rows: _mix_backward_rows(*rows, *constants), *arrays, songs)


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


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS | {"reassoc", "nsz"})
def _mix_backward_rows(  # type: ignore[no-untyped-def]
    grad, x, wet, grad_x, grad_wet, songs, values, song_stride, channel_stride, start, count
):
    for row in range(len(songs)):
        for channel in range(x.shape[1]):
            filtered = values[songs[row] * song_stride + channel * channel_stride :][:count]
            dry, gradient = x[row, channel][start:][:count], grad[row, channel][start:][:count]
            out = grad_x[row, channel][start:][:count]
            for first in range(0, count, SAMPLES_PER_SUM):
                last = min(first + SAMPLES_PER_SUM, count)
                grad_wet[row] += _mix_backward(
                    gradient[first:last],
                    dry[first:last],
                    wet[row],
                    filtered[first:last],
                    out[first:last],
                )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS | {"reassoc", "nsz"})
def _mix_backward(grad, x, wet, filtered, out):  # type: ignore[no-untyped-def]
    """Gradient of one part of a channel: writes ∂x and returns that of wet."""
    total = x[0] * 0
    for n in range(len(out)):
        change = filtered[n] - grad[n]
        out[n] = grad[n] + wet * change
        total += x[n] * change
    return total
