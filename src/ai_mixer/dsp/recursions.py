"""Sample-by-sample recursions, compiled, with hand-written gradients.

Torch cannot vectorise a recursion, because y[n] depends on y[n−1]. Each function is a compiled
kernel over rows (songs × channels) with state and coefficients in float64; its gradient is a kernel
that runs backwards in time. Audio is float32 or float64.

On a GPU the same kernels run with one thread per row (`dsp.gpu`).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.operators import empty_like, gradient_by_vjp, operator
from ai_mixer.utils.compilation import njit

DENORMAL_LIMIT = 1e-60  # smaller states are set to 0: denormal numbers are 100 × slower
DENORMAL_CHECK_INTERVAL = 64  # samples; a check per sample would cost more than the filter
FASTMATH_FLAGS = {"contract"}  # a·b + c in one instruction, without reordering
MIN_SAMPLES_FOR_THREADS = 1 << 18  # below, starting threads costs more than it saves

Array = np.ndarray[Any, Any]


def biquad(x: Tensor, b: Tensor, a: Tensor) -> Tensor:
    """Second-order filter y[n] = Σ b_k x[n−k] − a₁ y[n−1] − a₂ y[n−2] with zero initial state.

    x: [B, C, T]; b, a: [B, 3] with a[:, 0] = 1 (not read). Returns [B, C, T] in x's dtype.
    Exact derivatives of any order to x, b and a. ValueError for other shapes.
    """
    batch = x.shape[0]
    if x.ndim != 3 or b.shape != (batch, 3) or a.shape != (batch, 3):
        raise ValueError(
            f"biquad: needs x [B, C, T] and b, a [B, 3], "
            f"got {list(x.shape)}, {list(b.shape)}, {list(a.shape)}"
        )
    y: Tensor = _biquad(x, b, a)
    return y


def run_on_rows(kernel: Callable[..., None], *arrays: Array, rows_per_call: int = 1) -> None:
    """Call a nogil kernel on blocks of rows, in threads for large arrays.

    rows_per_call: number of rows that the kernel processes together; they stay in one block.

    The threads are short-lived, because the pools of numba's `prange` do not survive the fork of a
    data loader worker. Their number is at most torch's thread count, so workers (1) start none.
    """
    rows = len(arrays[0])
    workers = min(torch.get_num_threads(), -(-rows // rows_per_call))
    if workers < 2 or arrays[0].size < MIN_SAMPLES_FOR_THREADS:
        kernel(*arrays)
        return
    size = -(-rows // (workers * rows_per_call)) * rows_per_call
    blocks = [[array[start : start + size] for array in arrays] for start in range(0, rows, size)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda block: kernel(*block), blocks))


def as_rows(signal: Tensor) -> Array:
    """Convert [..., T] to a contiguous float32 or float64 array [rows, T] on the CPU."""
    if signal.dtype not in (torch.float32, torch.float64):
        signal = signal.float()
    signal = signal.detach().cpu().contiguous()
    return signal.reshape(signal.shape[:-1].numel(), signal.shape[-1]).numpy()


@operator(empty_like(0), n_batched=3)
def _biquad(x: Tensor, b: Tensor, a: Tensor) -> Tensor:
    rows = as_rows(x)
    out = np.empty_like(rows)
    run_on_rows(
        _biquad_rows, rows, coefficient_rows(b, a, x.shape[1]).numpy(), out, rows_per_call=2
    )
    return torch.from_numpy(out).view(x.shape).to(x)


@operator(empty_like(1, 2, 3), n_batched=5)
def _biquad_backward(
    grad: Tensor, x: Tensor, b: Tensor, a: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """W = ∂y filtered by 1/A backwards in time.

    ∂x[n] = Σ b_k w[n+k], ∂b_k = Σ w[n] x[n−k], ∂a_k = −Σ w[n] y[n−k].
    """
    rows = as_rows(grad)
    grad_x, grad_ba = np.empty_like(rows), np.zeros((len(rows), 6))
    coefficients = coefficient_rows(b, a, x.shape[1]).numpy()
    run_on_rows(_biquad_backward_rows, rows, as_rows(x), as_rows(y), coefficients, grad_x, grad_ba)
    grad_b, grad_a = torch.from_numpy(grad_ba).view(*x.shape[:2], 2, 3).sum(1).unbind(1)
    return (
        torch.from_numpy(grad_x).view(x.shape).to(x),
        grad_b.to(b, copy=True),
        grad_a.to(a, copy=True),
    )


def biquad_gradient(
    grad: Tensor, x: Tensor, b: Tensor, a: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient of `biquad`, of differentiable operations."""
    backwards = grad.flip(-1)
    w = biquad(backwards, torch.ones_like(b) * b.new_tensor([1.0, 0.0, 0.0]), a).flip(-1)
    grad_x = biquad(backwards, b, a).flip(-1)

    def correlate(signal: Tensor) -> Tensor:
        delayed = [pad(signal, (k, 0))[..., : signal.shape[-1]] for k in range(3)]
        return torch.stack([(w * d).sum((1, 2)) for d in delayed], dim=1)

    not_read = a.new_tensor([0.0, 1.0, 1.0])  # a[:, 0]
    return grad_x, correlate(x).to(b), -correlate(y).to(a) * not_read


_biquad.register_gradient(
    lambda saved, _, grad: _biquad_backward(grad, *saved),
    save=lambda inputs, outputs: (*inputs, *outputs),
)
_biquad_backward.register_gradient(
    gradient_by_vjp(biquad_gradient, 5), save=lambda inputs, _: inputs, n_differentiable=3
)


def coefficient_rows(b: Tensor, a: Tensor, channels: int) -> Tensor:
    """Coefficients per row, [B·C, 6] float64: all channels of a song have the same filter."""
    both = torch.cat([b.detach().double(), a.detach().double()], dim=1)
    return both.repeat_interleave(channels, dim=0)


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def second_order(b0, b1, b2, a1, a2, x0, x1, x2, y1, y2):  # type: ignore[no-untyped-def]
    """y[n] in direct form I; the term of y[n−1] is added last, so that no other waits for it."""
    return (b0 * x0 + b1 * x1 + b2 * x2 - a2 * y2) - a1 * y1


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def biquad_row(x, ba, state, y):  # type: ignore[no-untyped-def]
    """Filter one row from the state x[−1], x[−2], y[−1], y[−2], which is updated."""
    b0, b1, b2, a1, a2 = ba[0], ba[1], ba[2], ba[4], ba[5]
    x1, x2, y1, y2 = state[0], state[1], state[2], state[3]
    for n in range(x.shape[0]):
        x0 = np.float64(x[n])
        y0 = second_order(b0, b1, b2, a1, a2, x0, x1, x2, y1, y2)
        y[n] = y0
        x2, x1, y2, y1 = x1, x0, y1, y0
    state[0], state[1], state[2], state[3] = x1, x2, y1, y2


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _biquad_rows(x, ba, y):  # type: ignore[no-untyped-def]
    """Filter rows in pairs: each recursion waits for its last output, so two take little longer."""
    for row in range(0, x.shape[0], 2):
        other = min(row + 1, x.shape[0] - 1)  # a single last row is paired with itself
        _biquad_pair(x[row], x[other], ba[row], ba[other], y[row], y[other])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _biquad_pair(x, u, x_ba, u_ba, y, v):  # type: ignore[no-untyped-def]
    """Two filters: x → y and u → v."""
    b0, b1, b2, _, a1, a2 = x_ba
    d0, d1, d2, _, c1, c2 = u_ba
    x1 = x2 = y1 = y2 = 0.0
    u1 = u2 = v1 = v2 = 0.0
    for start in range(0, x.shape[0], DENORMAL_CHECK_INTERVAL):
        for n in range(start, min(start + DENORMAL_CHECK_INTERVAL, x.shape[0])):
            x0, u0 = np.float64(x[n]), np.float64(u[n])
            y0 = second_order(b0, b1, b2, a1, a2, x0, x1, x2, y1, y2)
            v0 = second_order(d0, d1, d2, c1, c2, u0, u1, u2, v1, v2)
            y[n], v[n] = y0, v0
            x2, x1, y2, y1 = x1, x0, y1, y0
            u2, u1, v2, v1 = u1, u0, v1, v0
        if abs(y1) + abs(y2) < DENORMAL_LIMIT:
            y1 = y2 = 0.0
        if abs(v1) + abs(v2) < DENORMAL_LIMIT:
            v1 = v2 = 0.0


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _biquad_backward_rows(grad, x, y, ba, grad_x, grad_ba):  # type: ignore[no-untyped-def]
    for row in range(x.shape[0]):
        b0, b1, b2, _, a1, a2 = ba[row]
        gb0 = gb1 = gb2 = ga1 = ga2 = 0.0
        w1 = w2 = 0.0  # w[n+1], w[n+2]
        for stop in range(x.shape[1], 0, -DENORMAL_CHECK_INTERVAL):
            for n in range(stop - 1, max(stop - DENORMAL_CHECK_INTERVAL, 0) - 1, -1):
                w0 = (grad[row, n] - a2 * w2) - a1 * w1
                grad_x[row, n] = b0 * w0 + b1 * w1 + b2 * w2
                gb0 += w0 * x[row, n]
                gb1 += w1 * x[row, n]
                gb2 += w2 * x[row, n]
                ga1 -= w1 * y[row, n]
                ga2 -= w2 * y[row, n]
                w2, w1 = w1, w0
            if abs(w1) + abs(w2) < DENORMAL_LIMIT:
                w1 = w2 = 0.0
        grad_ba[row] = (gb0, gb1, gb2, 0.0, ga1, ga2)
