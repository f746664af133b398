"""Biquads on a GPU, in chunks, because a thread per row would use a small part of it.

The state at the end of a chunk is affine in the state before it. The first pass filters each chunk
from the state 0, a scan over the chunks finds the state that each one starts from, and the second
pass filters from there.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.recursions import biquad_gradient, coefficient_rows

MIN_SAMPLES_FOR_CHUNKS = 4096


def launch(name: str, rows: int, *arguments: Any) -> None:
    """Run a compiled kernel, see `gpu_kernels.launch`."""
    from ai_mixer.dsp import gpu_kernels  # needs numba-cuda

    gpu_kernels.launch(getattr(gpu_kernels, name), rows, *arguments)


def biquad(x: Tensor, b: Tensor, a: Tensor) -> Tensor:
    """Filter chunks of each row in two passes."""
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    coefficients = coefficient_rows(b, a, x.shape[1])
    length = rows.shape[1]
    size = length if length < MIN_SAMPLES_FOR_CHUNKS else 1 << math.ceil(math.log2(length) / 2)
    return filter_in_chunks(rows, coefficients, size).view(x.shape)


def filter_in_chunks(rows: Tensor, coefficients: Tensor, size: int) -> Tensor:
    """Filter rows [R, T] with coefficients [R, 6] in chunks of at least two samples."""
    length, count = rows.shape[1], max(1, -(-rows.shape[1] // size))
    chunks = pad(rows, (0, count * size - length)).view(len(rows), count, size)
    y = torch.empty_like(chunks)
    state = torch.zeros(len(rows), count, 4, dtype=torch.float64, device=rows.device)
    if count > 1:
        state[:, 1:, :2] = chunks[:, :-1, -2:].flip(-1)  # the samples before a chunk
        before = state.clone()
        _filter(chunks, coefficients, state, y)
        ends, starts = state[..., 2:].contiguous(), torch.empty_like(state[..., 2:])
        launch("chain_states", len(rows), ends, _state_steps(coefficients, chunks), starts)
        state = torch.cat([before[..., :2], starts], dim=-1)
    _filter(chunks, coefficients, state, y)
    return y.view(len(rows), -1)[:, :length].contiguous()


def _state_steps(coefficients: Tensor, chunks: Tensor) -> Tensor:
    """Outputs after a chunk without input, from (1, 0) and (0, 1) before it: [R, 2, 2]."""
    rows, _, size = chunks.shape
    state = torch.zeros(rows, 2, 4, dtype=torch.float64, device=chunks.device)
    state[:, 0, 2] = state[:, 1, 3] = 1.0
    silence = chunks.new_zeros(rows, 2, size)
    _filter(silence, coefficients, state, torch.empty_like(silence))
    return state[..., 2:].mT.contiguous()


def _filter(chunks: Tensor, coefficients: Tensor, state: Tensor, y: Tensor) -> None:
    """Run the filter on chunks [R, K, size] from the states [R, K, 4], which are updated."""
    of_chunks = coefficients.repeat_interleave(chunks.shape[1], dim=0)
    flat = [array.flatten(0, 1) for array in (chunks, state, y)]
    launch("biquad", len(flat[0]), flat[0], of_chunks, flat[1], flat[2])


def biquad_backward(
    grad: Tensor, x: Tensor, b: Tensor, a: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The same filter backwards in time, in float64: its poles may be close to 1."""
    grad_x, grad_b, grad_a = biquad_gradient(*(t.double() for t in (grad, x, b, a, y)))
    return grad_x.to(x.dtype), grad_b.to(b.dtype), grad_a.to(a.dtype)
