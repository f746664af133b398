"""Second-order filters in series for many rows of audio (`dsp.biquad_cascade`).

Rows of audio advance together, one per lane of a vector (`dsp.lanes`), block by block: a block of
samples passes all filters while it is in the cache. For the gradient, the state at the start of
each block is kept; the signals between the filters are computed again, backwards block by block.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.filters_in_series import COEFFICIENTS, filters_in_series
from ai_mixer.dsp.lanes import LANES, load, store
from ai_mixer.dsp.operators import gradient_by_vjp, operator, vjp
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, as_rows, run_on_rows
from ai_mixer.utils.compilation import njit

BLOCK = 128  # samples; the signals between the filters of a group stay in the L2 cache
GROUP = 2 * LANES  # rows that advance together: neither vector waits for its last output


def filter_lanes(x: Tensor, sections: Tensor) -> Tensor:
    """Arguments and result as `biquad_cascade`."""
    y: Tensor = _filter_lanes(x, sections)[0]
    return y


def _fake(x: Tensor, sections: Tensor) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape), x.new_empty(_states_shape(x, sections), dtype=torch.float64)


def _states_shape(x: Tensor, sections: Tensor) -> tuple[int, ...]:
    """State of each filter at the start of each block: [B, C, blocks, S, 2]."""
    return *x.shape[:2], -(-x.shape[2] // BLOCK), sections.shape[1], 2


@operator(_fake, n_batched=2)
def _filter_lanes(x: Tensor, sections: Tensor) -> tuple[Tensor, Tensor]:
    rows, states = as_rows(x), np.empty(_states_shape(x, sections))
    out, coefficients = np.empty_like(rows), _rows_of(sections, x.shape[1])
    per_row = states.reshape(-1, *states.shape[2:])
    run_on_rows(_cascade_rows, rows, coefficients, out, per_row, rows_per_call=GROUP)
    return torch.from_numpy(out).view(x.shape).to(x), torch.from_numpy(states)


@operator(
    lambda grad, x, sections, states: (x.new_empty(x.shape), sections.new_empty(sections.shape)),
    n_batched=4,
)
def _filter_lanes_backward(
    grad: Tensor, x: Tensor, sections: Tensor, states: Tensor
) -> tuple[Tensor, Tensor]:
    """As `recursions.biquad`, filter after filter, from the last one to the first."""
    rows, coefficients = as_rows(grad), _rows_of(sections, x.shape[1])
    grad_x, grad_rows = np.empty_like(rows), np.empty_like(coefficients)
    past = as_rows(x), coefficients, states.reshape(-1, *states.shape[2:]).numpy()
    run_on_rows(_backward_rows, rows, *past, grad_x, grad_rows, rows_per_call=GROUP)
    grad_sections = torch.from_numpy(grad_rows).view(*x.shape[:2], *sections.shape[1:]).sum(1)
    return torch.from_numpy(grad_x).view(x.shape).to(x), grad_sections.to(sections)


def _second_gradient(grad: Tensor, x: Tensor, sections: Tensor) -> tuple[Tensor, ...]:
    return vjp(filters_in_series, (x, sections), grad)


def _gradient(saved: Any, _: Any, grad: Tensor, __: Any = None) -> Any:
    return _filter_lanes_backward(grad, *saved)


_filter_lanes.register_gradient(_gradient, save=lambda inputs, outputs: (*inputs, outputs[1]))
_filter_lanes_backward.register_gradient(
    gradient_by_vjp(_second_gradient, 3), save=lambda inputs, _: inputs[:3], n_differentiable=2
)


def _rows_of(sections: Tensor, channels: int) -> np.ndarray[Any, Any]:
    """Coefficients per row, [B·C, S, 5] float64."""
    return sections.detach().double().cpu().repeat_interleave(channels, dim=0).numpy()


@njit(cache=True, nogil=True)
def _cascade_rows(x, sections, y, states):  # type: ignore[no-untyped-def]
    """x: [R, T] → y. sections: [R, S, 5]. Writes states, [R, blocks, S, 2]."""
    filters = sections.shape[1]
    signal, state = np.empty(BLOCK * GROUP), np.empty((filters, 2 * GROUP))
    for first in range(0, len(x), GROUP):
        last = min(first + GROUP, len(x))
        coefficients = _to_lanes(sections[first:last])
        state[:] = 0.0
        for block in range(states.shape[1]):
            start = block * BLOCK
            count = min(BLOCK, x.shape[1] - start)
            for row in range(first, last):
                for s in range(filters):
                    states[row, block, s, 0] = state[s, row - first]
                    states[row, block, s, 1] = state[s, GROUP + row - first]
            _read(x[first:last], start, count, signal)
            for s in range(filters):
                _filter(signal, signal, coefficients[s], state[s], count)
            _write(signal, start, count, y[first:last])


@njit(cache=True, nogil=True)
def _backward_rows(grad, x, sections, states, grad_x, grad_sections):  # type: ignore[no-untyped-def]
    filters = sections.shape[1]
    signals, grads = np.empty((filters + 1, BLOCK * GROUP)), np.empty(BLOCK * GROUP)
    state, adjoint = np.empty(2 * GROUP), np.empty((filters, 2 * GROUP))
    sums = np.empty((filters, COEFFICIENTS * GROUP))
    for first in range(0, len(x), GROUP):
        last = min(first + GROUP, len(x))
        coefficients = _to_lanes(sections[first:last])
        adjoint[:], sums[:] = 0.0, 0.0
        for block in range(states.shape[1] - 1, -1, -1):
            start = block * BLOCK
            count = min(BLOCK, x.shape[1] - start)
            _read(x[first:last], start, count, signals[0])
            for s in range(filters):
                state[:] = 0.0
                for row in range(first, last):
                    state[row - first] = states[row, block, s, 0]
                    state[GROUP + row - first] = states[row, block, s, 1]
                _filter(signals[s], signals[s + 1], coefficients[s], state, count)
            _read(grad[first:last], start, count, grads)
            for s in range(filters - 1, -1, -1):
                _filter_backward(
                    grads, signals[s], signals[s + 1], coefficients[s], adjoint[s], sums[s], count
                )
            _write(grads, start, count, grad_x[first:last])
        for row in range(first, last):
            for s in range(filters):
                for k in range(COEFFICIENTS):
                    grad_sections[row, s, k] = sums[s, k * GROUP + row - first]


@njit(cache=True, nogil=True)
def _to_lanes(sections):  # type: ignore[no-untyped-def]
    """Coefficients of up to GROUP rows, [R, S, 5], as [S, 5 · GROUP]."""
    lanes = np.zeros((sections.shape[1], COEFFICIENTS * GROUP))
    for row in range(sections.shape[0]):
        for s in range(sections.shape[1]):
            for k in range(COEFFICIENTS):
                lanes[s, k * GROUP + row] = sections[row, s, k]
    return lanes


@njit(cache=True, nogil=True)
def _read(rows, start, count, signal):  # type: ignore[no-untyped-def]
    """Samples of rows [R, T] to lanes [count · GROUP]; lanes without a row are 0."""
    if len(rows) < GROUP:
        signal[:] = 0.0
    for row in range(len(rows)):
        samples = rows[row][start : start + count]
        for n in range(count):
            signal[n * GROUP + row] = samples[n]


@njit(cache=True, nogil=True)
def _write(signal, start, count, rows):  # type: ignore[no-untyped-def]
    for row in range(len(rows)):
        samples = rows[row][start : start + count]
        for n in range(count):
            samples[n] = signal[n * GROUP + row]


@njit(cache=True, nogil=True)
def _filter(x, y, c, state, count):  # type: ignore[no-untyped-def]
    """Transposed direct form II: y[n] = b₀ x[n] + s₁, s₁ = b₁ x[n] − a₁ y[n] + s₂, …"""
    b0, b1, b2 = load(c, 0), load(c, GROUP), load(c, 2 * GROUP)
    a1, a2 = load(c, 3 * GROUP), load(c, 4 * GROUP)
    d0, d1, d2 = load(c, LANES), load(c, GROUP + LANES), load(c, 2 * GROUP + LANES)
    c1, c2 = load(c, 3 * GROUP + LANES), load(c, 4 * GROUP + LANES)
    s1, s2 = load(state, 0), load(state, GROUP)
    t1, t2 = load(state, LANES), load(state, GROUP + LANES)
    for n in range(0, count * GROUP, GROUP):
        x0, u0 = load(x, n), load(x, n + LANES)
        y0 = b0 * x0 + s1
        v0 = d0 * u0 + t1
        s1 = (b1 * x0 + s2) - a1 * y0
        t1 = (d1 * u0 + t2) - c1 * v0
        s2 = b2 * x0 - a2 * y0
        t2 = d2 * u0 - c2 * v0
        store(y, n, y0)
        store(y, n + LANES, v0)
    store(state, 0, s1)
    store(state, LANES, t1)
    store(state, GROUP, s2)
    store(state, GROUP + LANES, t2)
    for k in range(len(state)):
        if abs(state[k]) < DENORMAL_LIMIT:
            state[k] = 0.0


@njit(cache=True, nogil=True)
def _filter_backward(grad, x, y, c, adjoint, sums, count):  # type: ignore[no-untyped-def]
    """Gradient of the output of a filter → that of its input; those of the coefficients are added.

    As `recursions._biquad_backward_rows`; adjoint: w[n+1] and w[n+2]. One vector after the other:
    they need more registers than `_filter`.
    """
    for lane in range(0, GROUP, LANES):
        b0, b1, b2 = load(c, lane), load(c, GROUP + lane), load(c, 2 * GROUP + lane)
        a1, a2 = load(c, 3 * GROUP + lane), load(c, 4 * GROUP + lane)
        w1, w2 = load(adjoint, lane), load(adjoint, GROUP + lane)
        gb0, gb1, gb2 = load(sums, lane), load(sums, GROUP + lane), load(sums, 2 * GROUP + lane)
        ga1, ga2 = load(sums, 3 * GROUP + lane), load(sums, 4 * GROUP + lane)
        for n in range((count - 1) * GROUP + lane, -1, -GROUP):
            x0, y0 = load(x, n), load(y, n)
            w0 = (load(grad, n) - a2 * w2) - a1 * w1
            store(grad, n, (b0 * w0 + b1 * w1) + b2 * w2)
            gb0 = gb0 + w0 * x0
            gb1 = gb1 + w1 * x0
            gb2 = gb2 + w2 * x0
            ga1 = ga1 - w1 * y0
            ga2 = ga2 - w2 * y0
            w2 = w1
            w1 = w0
        store(adjoint, lane, w1)
        store(adjoint, GROUP + lane, w2)
        store(sums, lane, gb0)
        store(sums, GROUP + lane, gb1)
        store(sums, 2 * GROUP + lane, gb2)
        store(sums, 3 * GROUP + lane, ga1)
        store(sums, 4 * GROUP + lane, ga2)
    for k in range(len(adjoint)):
        if abs(adjoint[k]) < DENORMAL_LIMIT:
            adjoint[k] = 0.0
