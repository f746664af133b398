"""The gain of a look-ahead limiter: in place when a peak arrives, let go in two steps.

Hold and smooth after Hämäläinen, "Smoothing of the Control Signal without Clipped Output in Digital
Peak Limiters", DAFx-02: the deepest reduction needed within a window, recovering slowly, averaged
over a triangle as long as the look-ahead. Whatever lies in the window is reached by the average.

The recovery goes at once (`release`) to the mean reduction of the recent past (`memory`), and only
with that mean to nothing: single peaks leave no hole, dense passages do not pump.

One compiled recursion for whole signals and for blocks: state in, state out, the same bits.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS, Array, as_rows, run_on_rows

FLOATS, COUNTS = 4, 3  # the scalars in front of the rings: see `_advance`


class Ballistics(NamedTuple):
    """How the gain moves, in samples and poles (y = pole · y + (1 − pole) · x).

    ramp: samples on the way down, at least 2. guard: samples each side of a peak that get its full
    reduction, because the peak between two samples is made of its neighbours.
    """

    ramp: int
    guard: int
    release: float
    memory: float

    @property
    def latency(self) -> int:
        """By how many samples the gain comes late."""
        return self.ramp + self.guard

    @property
    def box_lengths(self) -> tuple[int, int]:
        """Two moving means make the triangle: a gain without corners."""
        return self.ramp // 2 + 1, self.ramp - self.ramp // 2 + 1

    @property
    def window(self) -> int:
        """Samples that one peak is held for."""
        return self.ramp + 2 * self.guard + 1


class LookaheadState(NamedTuple):
    """What a stream remembers between blocks: [B, …] numbers and [B, …] counters."""

    numbers: Array
    counts: Array


def initial_state(batch: int, ballistics: Ballistics) -> LookaheadState:
    """Nothing has been heard yet."""
    room = FLOATS + sum(ballistics.box_lengths) + ballistics.window
    return LookaheadState(
        np.zeros((batch, room)), np.zeros((batch, COUNTS + ballistics.window), np.int64)
    )


def advance(needed_db: Tensor, ballistics: Ballistics, state: LookaheadState) -> Tensor:
    """The next block of a stream; changes `state`. No gradient.

    needed_db: [B, T], the gain each sample needs, at most 0. Returns the gain in dB of the samples
    `ballistics.latency` before, [B, T] float64.
    """
    needed = as_rows(needed_db.double())
    out = np.empty_like(needed)
    none = np.empty((len(needed), 0), np.int64)
    run_on_rows(
        lambda *arrays: _advance(*arrays, ballistics),  # type: ignore[call-arg]
        needed,
        state.numbers,
        state.counts,
        out,
        none,
        np.empty((len(needed), 2, 0)),
    )
    return torch.from_numpy(out)


def lookahead_gain_db(needed_db: Tensor, ballistics: Ballistics) -> Tensor:
    """The gain of a whole signal, without delay: never above what is needed within `guard` samples.

    needed_db: [B, T], at most 0. Returns [B, T] float64, on the same device. Exact gradient (once
    differentiable); which peak sets the gain is a decision and has none.
    """
    late = pad(needed_db.double(), (0, ballistics.latency))
    return _Gain.apply(late, ballistics)[:, ballistics.latency :]  # type: ignore[no-untyped-call]


class _Gain(torch.autograd.Function):
    """With c the held need, a its mean: the gain is on its way to t = min(c, a), at once if lower.

    The gradient runs the means and both recursions backwards and hands what is left to the sample
    that the hold took its value from.
    """

    @staticmethod
    def forward(ctx: Any, needed_db: Tensor, ballistics: Ballistics) -> Tensor:
        needed = as_rows(needed_db)
        batch, length = needed.shape
        out, origins = np.empty_like(needed), np.empty(needed.shape, np.int64)
        choices = np.empty((batch, 2, length))
        state = initial_state(batch, ballistics)
        given = (needed, state.numbers, state.counts, out, origins, choices)
        run_on_rows(lambda *arrays: _advance(*arrays, ballistics), *given)  # type: ignore[call-arg]
        ctx.ballistics, ctx.origins, ctx.choices = ballistics, origins, choices
        return torch.from_numpy(out).to(needed_db)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        rows = as_rows(grad)
        grad_needed = np.zeros_like(rows)
        given = (rows, ctx.origins, ctx.choices, grad_needed)
        run_on_rows(lambda *arrays: _gain_backward(*arrays, ctx.ballistics), *given)  # type: ignore[call-arg]
        return torch.from_numpy(grad_needed).to(grad), None


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def _advance(needed, numbers, counts, out, origins, choices, ballistics):  # type: ignore[no-untyped-def]
    """What the gradient needs, origins and choices, is written down if there is room."""
    ramp, guard, release, memory = ballistics
    window = ramp + 2 * guard + 1
    wide1, wide2 = ramp // 2 + 1, ramp - ramp // 2 + 1
    share1, share2 = 1.0 / wide1, 1.0 / wide2
    traced = origins.shape[1] > 0
    for row in range(needed.shape[0]):
        mean, gain, sum1, sum2 = numbers[row, :FLOATS]
        ring1 = numbers[row, FLOATS : FLOATS + wide1]
        ring2 = numbers[row, FLOATS + wide1 : FLOATS + wide1 + wide2]
        values = numbers[row, FLOATS + wide1 + wide2 :]  # of the candidates for the minimum,
        times = counts[row, COUNTS:]  # and when they came; a queue in a ring, deepest first
        now, head, queued = counts[row, :COUNTS]
        at1, at2, last = now % wide1, now % wide2, (head + queued) % window
        for n in range(needed.shape[1]):
            need = needed[row, n]
            if queued > 0 and times[head] <= now - window:
                head, queued = head + 1 if head + 1 < window else 0, queued - 1
            if need < 0.0:  # where nothing is needed, an empty queue says so
                while queued > 0:
                    before = last - 1 if last > 0 else window - 1
                    if values[before] < need:
                        break
                    last, queued = before, queued - 1
                values[last], times[last] = need, now
                last, queued = last + 1 if last + 1 < window else 0, queued + 1
            held = values[head] if queued > 0 else 0.0
            mean = memory * mean + (1.0 - memory) * held
            if mean > -DENORMAL_LIMIT:
                mean = 0.0
            target = min(held, mean)
            if traced:
                origins[row, n] = times[head] if queued > 0 else now
                choices[row, 0, n] = held <= mean
                choices[row, 1, n] = target < gain
            gain = target if target < gain else release * gain + (1.0 - release) * target
            if gain > -DENORMAL_LIMIT:
                gain = 0.0
            sum1 += gain - ring1[at1]
            ring1[at1] = gain
            once = sum1 * share1
            sum2 += once - ring2[at2]
            ring2[at2] = once
            out[row, n] = min(sum2 * share2, 0.0)
            at1, at2 = at1 + 1 if at1 + 1 < wide1 else 0, at2 + 1 if at2 + 1 < wide2 else 0
            now += 1
        numbers[row, 0], numbers[row, 1], numbers[row, 2], numbers[row, 3] = mean, gain, sum1, sum2
        counts[row, 0], counts[row, 1], counts[row, 2] = now, head, queued


@njit(cache=True, nogil=True)
def _gain_backward(grad, origins, choices, grad_needed, ballistics):  # type: ignore[no-untyped-def]
    ramp, _, release, memory = ballistics
    wide1, wide2 = ramp // 2 + 1, ramp - ramp // 2 + 1
    length = grad.shape[1]
    averaged = np.zeros(length + wide1)
    for row in range(grad.shape[0]):
        sum1 = sum2 = later_gain = later_mean = 0.0
        for n in range(length - 1, -1, -1):
            sum2 += grad[row, n] - (grad[row, n + wide2] if n + wide2 < length else 0.0)
            averaged[n] = sum2 / wide2
            sum1 += averaged[n] - averaged[n + wide1]
            to_gain = sum1 / wide1 + later_gain
            if choices[row, 1, n]:
                to_target, later_gain = to_gain, 0.0
            else:
                to_target, later_gain = (1.0 - release) * to_gain, release * to_gain
            to_held = to_target if choices[row, 0, n] else 0.0
            to_mean = to_target - to_held + later_mean
            later_mean = memory * to_mean
            grad_needed[row, origins[row, n]] += to_held + (1.0 - memory) * to_mean
