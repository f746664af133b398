"""Product of a matrix and the channels of audio: gains, balance and width, in one pass."""

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.operators import empty_like, gradient_by_vjp, operator
from ai_mixer.dsp.peak_levels import to_array
from ai_mixer.dsp.recursions import FASTMATH_FLAGS, run_on_rows
from ai_mixer.utils.compilation import njit

BLOCK = 512  # samples; the work space of a block stays in the L1 cache
SUMS = FASTMATH_FLAGS | {"reassoc", "nsz"}  # a sum may be made of partial sums


def mix_channels(x: Tensor, matrix: Tensor) -> Tensor:
    """Return y[b] = matrix[b] · x[b]. x: [B, C, T]; matrix: [B, C, C] float64.

    Returns [B, C, T] in x's dtype. Exact derivatives of any order to both.
    """
    y: Tensor = _mix_channels(x, matrix)
    return y


@operator(empty_like(0), n_batched=2, devices=None)
def _mix_channels(x: Tensor, matrix: Tensor) -> Tensor:
    if x.device.type != "cpu":
        return matrix.to(x.dtype) @ x
    audio = to_array(x)
    y = np.empty_like(audio)
    run_on_rows(_mix_rows, audio, matrix.contiguous().numpy(), y)
    return torch.from_numpy(y).to(x)


@operator(empty_like(1, 2), n_batched=3, devices=None)
def _mix_channels_backward(grad: Tensor, x: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    if x.device.type != "cpu":
        return matrix.mT.to(x.dtype) @ grad, (grad @ x.mT).to(matrix)
    audio, transposed = to_array(x), matrix.mT.contiguous().numpy()
    grad_x, grad_matrix = np.empty_like(audio), np.zeros_like(transposed)
    run_on_rows(_mix_backward_rows, to_array(grad), audio, transposed, grad_x, grad_matrix)
    return torch.from_numpy(grad_x).to(x), torch.from_numpy(grad_matrix)


def _gradient(grad: Tensor, x: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    return mix_channels(grad, matrix.mT), grad.to(matrix) @ x.to(matrix).mT


_mix_channels.register_gradient(
    lambda saved, _, grad: _mix_channels_backward(grad, *saved), save=lambda inputs, _: inputs
)
_mix_channels_backward.register_gradient(
    gradient_by_vjp(_gradient, 3), save=lambda inputs, _: inputs, n_differentiable=2
)


@njit(cache=True, nogil=True)
def _mix_rows(audio, matrix, y):  # type: ignore[no-untyped-def]
    work = np.empty(BLOCK)
    for song in range(len(audio)):
        for start in range(0, audio.shape[2], BLOCK):
            _mix_block(audio[song], start, matrix[song], y[song], work)


@njit(cache=True, nogil=True)
def _mix_backward_rows(grad, audio, transposed, grad_audio, grad_matrix):  # type: ignore[no-untyped-def]
    work = np.empty(BLOCK)
    for song in range(len(audio)):
        for start in range(0, audio.shape[2], BLOCK):
            _mix_block(grad[song], start, transposed[song], grad_audio[song], work)
            for output in range(audio.shape[1]):
                change = grad[song, output][start : start + BLOCK]
                for channel in range(audio.shape[1]):
                    grad_matrix[song, output, channel] += _sum_of_products(
                        change, audio[song, channel][start : start + BLOCK]
                    )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _mix_block(audio, start, matrix, y, work):  # type: ignore[no-untyped-def]
    for output in range(len(audio)):
        out = y[output][start : start + BLOCK]
        total = work[: len(out)]
        total[:] = 0.0
        for channel in range(len(audio)):
            gain, x = matrix[output, channel], audio[channel][start:]
            for n in range(len(out)):
                total[n] += gain * np.float64(x[n])
        for n in range(len(out)):
            out[n] = total[n]


@njit(cache=True, nogil=True, fastmath=SUMS)
def _sum_of_products(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for n in range(len(a)):
        total += np.float64(a[n]) * np.float64(b[n])
    return total
