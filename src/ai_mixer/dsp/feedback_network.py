"""Feedback delay network for reverb, differentiable in its filters.

Jot & Chaigne, "Digital delay networks for designing artificial reverberators" (AES 90, 1991). Line
j is a delay of m_j samples and a first-order low-pass: s_j[n] = p_j s_j[n−1] + q_j u_j[n − m_j].
All lines feed all: u = A s + B x. A is the Hadamard matrix with its rows moved by one: orthogonal,
so that energy is lost in the filters only, and not symmetric, since the echoes through two lines in
either order come at once and would add up. Even lines belong to the left channel, odd ones to the
right: B feeds the input of the channel, and the output is the sum of its lines. Audio of one
channel feeds all lines and gives the left output.
"""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.delay_formulas import LINE_S
from ai_mixer.dsp.one_pole import one_pole
from ai_mixer.dsp.operators import gradient_by_vjp, operator, vjp
from ai_mixer.dsp.peak_levels import to_array
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS, as_rows, run_on_rows
from ai_mixer.utils.compilation import njit

LINES = len(LINE_S)
SCALE = 1.0 / math.sqrt(LINES)


def feedback_network(x: Tensor, filters: Tensor, lengths: Sequence[int]) -> Tensor:
    """Sum of the lines of each channel.

    x: [B, C, T], C = 1 or 2. filters: [B, 2 · LINES] float64: q and p of each line. lengths: m,
    LINES numbers, at least 1. Returns [B, C, T] in x's dtype. Exact derivatives of any order to x
    and filters.
    """
    y: Tensor = _feedback_network(x, filters, list(lengths))[0]
    return y


def _fake(x: Tensor, filters: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    inputs = x.new_empty(x.shape[0], max(lengths) + x.shape[2], LINES)
    return x.new_empty(x.shape), inputs


@operator(_fake, n_batched=2)
def _feedback_network(x: Tensor, filters: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Also returns the inputs u of the lines, [B, M + T, LINES], after M = max(lengths) zeros."""
    audio, rows = to_array(x), as_rows(filters.double())
    out = np.empty_like(audio)
    inputs = np.zeros((len(audio), max(lengths) + audio.shape[2], LINES), audio.dtype)
    work, delays = np.zeros((len(audio), 2 * LINES)), delay_rows(lengths, len(audio))
    run_on_rows(_forward_rows, audio, rows, delays, work, inputs, out)
    return torch.from_numpy(out).to(x), torch.from_numpy(inputs).to(x)


@operator(
    lambda grad, x, filters, *_: (x.new_empty(x.shape), filters.new_empty(filters.shape)),
    n_batched=4,
)
def _feedback_network_backward(
    grad: Tensor, x: Tensor, filters: Tensor, inputs: Tensor, lengths: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Backwards in time, through the same lines and the transpose of A."""
    audio, rows = to_array(x), as_rows(filters.double())
    grad_x, grad_filters = np.empty_like(audio), np.zeros_like(rows)
    work, delays = np.zeros((len(audio), 3 * LINES)), delay_rows(lengths, len(audio))
    ring = np.zeros((len(audio), ring_length(lengths), LINES))
    arrays = (to_array(grad), audio, to_array(inputs), rows, delays, work, ring)
    run_on_rows(_backward_rows, *arrays, grad_x, grad_filters)
    return torch.from_numpy(grad_x).to(x), torch.from_numpy(grad_filters).to(filters)


def delay_rows(lengths: Sequence[int], rows: int) -> np.ndarray:
    """Lengths for each row, [rows, LINES]."""
    return np.tile(np.array(lengths, np.int64), (rows, 1))


def ring_length(lengths: Sequence[int]) -> int:
    """Power of two above all lengths."""
    return 1 << max(lengths).bit_length()


def feedback_matrix() -> Tensor:
    """The matrix A, [LINES, LINES] float64."""
    index = range(LINES)
    rows = [[SCALE * (-1) ** (i & j).bit_count() for j in index] for i in index]
    return torch.tensor(rows[-1:] + rows[:-1], dtype=torch.float64)


def network_in_blocks(x: Tensor, filters: Tensor, lengths: Sequence[int]) -> Tensor:
    """`feedback_network` of differentiable operations, in blocks as long as the shortest line."""
    batch, channels, length = x.shape
    gains, poles = filters.double().reshape(batch, LINES, 2).unbind(2)
    matrix, longest = feedback_matrix().to(x.device), max(lengths)
    fed = torch.stack([x[:, j % channels] for j in range(LINES)], dim=1).double()
    inputs, lines = [fed.new_zeros(batch, LINES, longest)], []
    state = fed.new_zeros(batch, LINES, 1)
    shortest = min(lengths)
    for start in range(0, length, shortest):
        count = min(shortest, length - start)
        past = torch.cat(inputs[-2 - longest // shortest :], dim=-1)
        known = past.shape[-1]
        delayed = torch.stack(
            [past[:, j, known - m : known - m + count] for j, m in enumerate(lengths)], dim=1
        )
        driven = torch.cat([state, gains[:, :, None] * delayed], dim=-1)
        rows = driven.flatten(0, 1)
        s = one_pole(rows, poles.flatten()[:, None].expand(rows.shape)).view(driven.shape)
        state = s[:, :, -1:]
        lines.append(s[:, :, 1:])
        inputs.append(matrix @ lines[-1] + fed[:, :, start : start + count])
    s = torch.cat(lines, dim=-1)
    return torch.stack([s[:, c::2].sum(1) for c in range(channels)], dim=1).to(x.dtype)


def _second_gradient(
    grad: Tensor, x: Tensor, filters: Tensor, lengths: Sequence[int]
) -> tuple[Tensor, ...]:
    return vjp(partial(network_in_blocks, lengths=lengths), (x, filters), grad)


_feedback_network.register_gradient(
    lambda saved, constants, grad: _feedback_network_backward(grad, *saved, *constants),
    save=lambda inputs, outputs: (*inputs[:2], outputs[1]),
)
_feedback_network_backward.register_gradient(
    gradient_by_vjp(_second_gradient, 3), save=lambda inputs, _: inputs[:3], n_differentiable=2
)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def transform(s):  # type: ignore[no-untyped-def]
    """Fast Walsh–Hadamard transform of s, [LINES], in place."""
    half = 1
    while half < LINES:
        for start in range(0, LINES, 2 * half):
            for j in range(start, start + half):
                a, b = s[j], s[j + half]
                s[j], s[j + half] = a + b, a - b
        half *= 2
    for j in range(LINES):
        s[j] *= SCALE


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def feed_back(s):  # type: ignore[no-untyped-def]
    """Multiply s with the feedback matrix in place."""
    transform(s)
    last = s[LINES - 1]
    for j in range(LINES - 1, 0, -1):
        s[j] = s[j - 1]
    s[0] = last


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def feed_forward(s):  # type: ignore[no-untyped-def]
    """Multiply s with the inverse of the feedback matrix, which is its transpose, in place."""
    first = s[0]
    for j in range(LINES - 1):
        s[j] = s[j + 1]
    s[LINES - 1] = first
    transform(s)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def sum_lines(s):  # type: ignore[no-untyped-def]
    """Sums of the even and the odd lines."""
    even = odd = 0.0
    for j in range(0, LINES, 2):
        even += s[j]
        odd += s[j + 1]
    return even, odd


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def add_to_lines(s, even, odd):  # type: ignore[no-untyped-def]
    """Add numbers to the even and to the odd lines."""
    for j in range(0, LINES, 2):
        s[j] += even
        s[j + 1] += odd


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def low_pass(gain, pole, last, x):  # type: ignore[no-untyped-def]
    """Filter of a line."""
    y = pole * last + gain * x
    return y if abs(y) > DENORMAL_LIMIT else 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def network_row(x, filters, delays, work, inputs, y):  # type: ignore[no-untyped-def]
    """`feedback_network` of one song. inputs: after zeros; work: zeros, [2 · LINES]."""
    s, u = work[:LINES], work[LINES:]
    first, channels = inputs.shape[0] - x.shape[1], x.shape[0]
    for n in range(x.shape[1]):
        for j in range(LINES):
            delayed = np.float64(inputs[first + n - delays[j], j])
            s[j] = low_pass(filters[2 * j], filters[2 * j + 1], s[j], delayed)
            u[j] = s[j]
        even, odd = sum_lines(s)
        y[0, n] = even
        if channels > 1:
            y[1, n] = odd
        feed_back(u)
        add_to_lines(u, x[0, n], x[channels - 1, n])
        for j in range(LINES):
            inputs[first + n, j] = u[j]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def network_backward_row(  # type: ignore[no-untyped-def]
    grad, x, inputs, filters, delays, work, ring, grad_x, grad_filters
):
    """Gradient of one song. ring: zeros, [power of two, LINES]; work: zeros, [3 · LINES]."""
    adjoint, fed, s = work[:LINES], work[LINES : 2 * LINES], work[2 * LINES :]
    first, channels, mask = inputs.shape[0] - x.shape[1], x.shape[0], ring.shape[0] - 1
    for n in range(x.shape[1] - 1, -1, -1):
        for j in range(LINES):
            by_delayed = ring[(n + delays[j]) & mask, j]
            fed[j] = filters[2 * j] * by_delayed
            grad_filters[2 * j] += by_delayed * inputs[first + n, j]
            s[j] = inputs[first + n - 1, j]
        even, odd = sum_lines(fed)
        if channels > 1:
            grad_x[0, n], grad_x[1, n] = even, odd
        else:
            grad_x[0, n] = even + odd
        feed_forward(fed)
        add_to_lines(fed, grad[0, n], grad[1, n] if channels > 1 else 0.0)
        if n > 0:  # before, the lines are empty
            add_to_lines(s, -x[0, n - 1], -x[channels - 1, n - 1])
        feed_forward(s)  # s[n − 1] = Aᵀ (u[n − 1] − B x[n − 1])
        for j in range(LINES):
            adjoint[j] = low_pass(1.0, filters[2 * j + 1], adjoint[j], fed[j])
            ring[n & mask, j] = adjoint[j]
            grad_filters[2 * j + 1] += adjoint[j] * s[j]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _forward_rows(x, filters, delays, work, inputs, y):  # type: ignore[no-untyped-def]
    for row in range(x.shape[0]):
        network_row(x[row], filters[row], delays[row], work[row], inputs[row], y[row])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _backward_rows(  # type: ignore[no-untyped-def]
    grad, x, inputs, filters, delays, work, ring, grad_x, grad_filters
):
    for row in range(x.shape[0]):
        network_backward_row(
            grad[row], x[row], inputs[row], filters[row], delays[row], work[row], ring[row],
            grad_x[row], grad_filters[row],
        )  # fmt: skip
