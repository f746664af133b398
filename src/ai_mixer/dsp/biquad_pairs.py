"""Second-order filters in series for few rows of audio (`dsp.biquad_cascade`).

Two rows advance together. The audio passes all filters in parts that stay in the L1 cache. For the
gradient, the signals between the filters are kept.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.filters_in_series import filters_in_series
from ai_mixer.dsp.operators import operator, vjp
from ai_mixer.dsp.recursions import (
    DENORMAL_LIMIT,
    FASTMATH_FLAGS,
    Array,
    as_rows,
    run_on_rows,
    second_order,
)
from ai_mixer.utils.compilation import njit

PART_SAMPLES = 2048  # shorter ones, processed last first, are read slowly from memory


def filter_pairs(x: Tensor, sections: Tensor) -> Tensor:
    """Arguments and result as `biquad_cascade`."""
    b, rest = sections[..., :3], sections[..., 3:]
    a = torch.cat([torch.ones_like(rest[..., :1]), rest], dim=2)
    kept = torch.is_grad_enabled() and (x.requires_grad or sections.requires_grad)
    y: Tensor = _filter_pairs(x, b, a, kept)[0]
    return y


def _fake(x: Tensor, b: Tensor, a: Tensor, kept: bool) -> tuple[Tensor, Tensor]:
    stages = b.shape[1] - 1 if kept else 0
    return x.new_empty(x.shape), x.new_empty(*x.shape[:2], stages, x.shape[2])


@operator(_fake, n_batched=3)
def _filter_pairs(x: Tensor, b: Tensor, a: Tensor, kept: bool) -> tuple[Tensor, Tensor]:
    """x: [B, C, T]; b, a: [B, K, 3]. Returns y, and with `kept` the signals between the filters."""
    rows = as_rows(x)
    stages = b.shape[1] - 1 if kept else 0
    between = np.empty((len(rows), stages, rows.shape[1]), rows.dtype)
    y = np.empty_like(rows)
    arrays = (rows, _coefficient_rows(b, a, x.shape[1]), between, y)
    run_on_rows(_filter_rows, *arrays, rows_per_call=2)
    inner = torch.from_numpy(between).view(*x.shape[:2], stages, x.shape[2])
    return torch.from_numpy(y).view(x.shape).to(x), inner.to(x)


@operator(
    lambda grad, x, between, y, b, a: tuple(t.new_empty(t.shape) for t in (x, b, a)), n_batched=6
)
def _filter_pairs_backward(
    grad: Tensor, x: Tensor, between: Tensor, y: Tensor, b: Tensor, a: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients as in `recursions._biquad_backward`, last filter first."""
    rows, channels, stages = as_rows(grad), x.shape[1], b.shape[1]
    grad_x, grad_ba = np.empty_like(rows), np.zeros((len(rows), stages, 6))
    inner = as_rows(between).reshape(len(rows), stages - 1, rows.shape[1])
    arrays = (rows, as_rows(x), inner, as_rows(y), _coefficient_rows(b, a, channels))
    run_on_rows(_filter_rows_backward, *arrays, grad_x, grad_ba, rows_per_call=2)
    sums = torch.from_numpy(grad_ba).view(len(x), channels, stages, 2, 3).sum(1)
    grad_b, grad_a = sums.unbind(2)
    return (
        torch.from_numpy(grad_x).view(x.shape).to(x),
        grad_b.to(b, copy=True),
        grad_a.to(a, copy=True),
    )


def _one_by_one(x: Tensor, b: Tensor, a: Tensor) -> Tensor:
    return filters_in_series(x, torch.cat([b, a[..., 1:]], dim=2))


def _second_gradient(
    saved: Sequence[Tensor], _: Sequence[Any], *grads: Tensor
) -> Any:  # a tensor or None per argument
    grad, x, b, a = saved
    to_grad, to_x, to_b, to_a = vjp(
        lambda grad, *inputs: vjp(_one_by_one, inputs, grad), (grad, x, b, a), grads
    )
    return to_grad, to_x, None, None, to_b, to_a


_filter_pairs.register_gradient(
    lambda saved, _, grad: _filter_pairs_backward(grad, *saved),
    save=lambda inputs, outputs: (inputs[0], outputs[1], outputs[0], *inputs[1:3]),
)
_filter_pairs_backward.register_gradient(
    _second_gradient, save=lambda inputs, _: (*inputs[:2], *inputs[4:6]), n_differentiable=3
)


def _coefficient_rows(b: Tensor, a: Tensor, channels: int) -> Array:
    """Coefficients per row, [B·C, K, 6] float64."""
    both = torch.cat([b.detach().double(), a.detach().double()], dim=2)
    return both.repeat_interleave(channels, dim=0).numpy()


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _filter_rows(x, ba, between, y):  # type: ignore[no-untyped-def]
    """Filter rows in pairs: each recursion waits for its last output, so two take little longer."""
    stages = ba.shape[1]
    work, states = np.empty((2, PART_SAMPLES)), np.empty((2, stages, 4))
    for row in range(0, x.shape[0], 2):
        other = min(row + 1, x.shape[0] - 1)  # a single last row is paired with itself
        states[:] = 0.0
        for start in range(0, x.shape[1], PART_SAMPLES):
            first = work[0][: x.shape[1] - start]
            second = work[1][: x.shape[1] - start]
            _copy(x[row][start:], first)
            _copy(x[other][start:], second)
            for k in range(stages):
                _filter_pair(first, second, ba[row, k], ba[other, k], states[0, k], states[1, k])
                if k < between.shape[1]:
                    _copy(first, between[row, k][start:])
                    _copy(second, between[other, k][start:])
            _copy(first, y[row][start:])
            _copy(second, y[other][start:])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _copy(source, target):  # type: ignore[no-untyped-def]
    """Copy as many samples as both have."""
    for n in range(min(len(source), len(target))):
        target[n] = source[n]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _filter_pair(x, u, x_ba, u_ba, x_state, u_state):  # type: ignore[no-untyped-def]
    """Two filters in place. states: x[−1], x[−2], y[−1], y[−2]."""
    b0, b1, b2, a1, a2 = x_ba[0], x_ba[1], x_ba[2], x_ba[4], x_ba[5]
    d0, d1, d2, c1, c2 = u_ba[0], u_ba[1], u_ba[2], u_ba[4], u_ba[5]
    x1, x2, y1, y2 = x_state[0], x_state[1], x_state[2], x_state[3]
    u1, u2, v1, v2 = u_state[0], u_state[1], u_state[2], u_state[3]
    for n in range(len(x)):
        x0, u0 = x[n], u[n]
        y0 = second_order(b0, b1, b2, a1, a2, x0, x1, x2, y1, y2)
        v0 = second_order(d0, d1, d2, c1, c2, u0, u1, u2, v1, v2)
        x[n], u[n] = y0, v0
        x2, x1, y2, y1 = x1, x0, y1, y0
        u2, u1, v2, v1 = u1, u0, v1, v0
    if abs(y1) + abs(y2) < DENORMAL_LIMIT:
        y1 = y2 = 0.0
    if abs(v1) + abs(v2) < DENORMAL_LIMIT:
        v1 = v2 = 0.0
    x_state[0], x_state[1], x_state[2], x_state[3] = x1, x2, y1, y2
    u_state[0], u_state[1], u_state[2], u_state[3] = u1, u2, v1, v2


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _filter_rows_backward(grad, x, between, y, ba, grad_x, grad_ba):  # type: ignore[no-untyped-def]
    """Gradients of rows, in pairs."""
    length, last = x.shape[1], ba.shape[1] - 1
    w, work = np.empty((2, PART_SAMPLES + 2)), np.empty((2, PART_SAMPLES))
    later = np.empty((last + 1, 4))
    for row in range(0, x.shape[0], 2):
        other = min(row + 1, x.shape[0] - 1)
        later[:] = 0.0
        for part in range((length - 1) // PART_SAMPLES, -1, -1):
            start = part * PART_SAMPLES
            count = min(PART_SAMPLES, length - start)
            first, second = work[0][:count], work[1][:count]
            _copy(grad[row][start:], first)
            _copy(grad[other][start:], second)
            for k in range(last, -1, -1):
                _adjoint_pair(first, second, ba[row, k], ba[other, k], later[k], w)
                for n in range(row, other + 1):
                    source = x[n] if k == 0 else between[n, k - 1]
                    filtered = y[n] if k == last else between[n, k]
                    _add_gradients(
                        w[n - row],
                        source[start:],
                        filtered[start:],
                        ba[n, k],
                        work[n - row][:count],
                        grad_ba[n, k],
                    )
            _copy(first, grad_x[row][start:])
            if other > row:
                _copy(second, grad_x[other][start:])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _adjoint_pair(grad, grad_other, ba, ba_other, later, w):  # type: ignore[no-untyped-def]
    """Two gradients filtered by 1/A backwards in time → w, [2, n + 2].

    later: the next two samples of both, which are updated.
    """
    first, second, count = w[0], w[1], len(grad)
    a1, a2, c1, c2 = ba[4], ba[5], ba_other[4], ba_other[5]
    w1, w2, v1, v2 = later[0], later[1], later[2], later[3]
    first[count], first[count + 1], second[count], second[count + 1] = w1, w2, v1, v2
    for n in range(count - 1, -1, -1):
        w0 = (grad[n] - a2 * w2) - a1 * w1
        v0 = (grad_other[n] - c2 * v2) - c1 * v1
        first[n], second[n] = w0, v0
        w2, w1, v2, v1 = w1, w0, v1, v0
    if abs(w1) + abs(w2) < DENORMAL_LIMIT:
        w1 = w2 = 0.0
    if abs(v1) + abs(v2) < DENORMAL_LIMIT:
        v1 = v2 = 0.0
    later[0], later[1], later[2], later[3] = w1, w2, v1, v2


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS | {"reassoc", "nsz"})
def _add_gradients(w, x, y, ba, grad_x, grad_ba):  # type: ignore[no-untyped-def]
    """Write the gradient to x; add that to b and a. w: [n + 2]."""
    w1, w2 = w[1:], w[2:]
    b0, b1, b2 = ba[0], ba[1], ba[2]
    gb0 = gb1 = gb2 = ga1 = ga2 = 0.0
    for n in range(len(grad_x)):
        x0, y0 = np.float64(x[n]), np.float64(y[n])
        grad_x[n] = b0 * w[n] + b1 * w1[n] + b2 * w2[n]
        gb0 += w[n] * x0
        gb1 += w1[n] * x0
        gb2 += w2[n] * x0
        ga1 += w1[n] * y0
        ga2 += w2[n] * y0
    grad_ba[0] += gb0
    grad_ba[1] += gb1
    grad_ba[2] += gb2
    grad_ba[4] -= ga1
    grad_ba[5] -= ga2
