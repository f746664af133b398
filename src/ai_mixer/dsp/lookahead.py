"""Gain of a look-ahead limiter, with a two-stage release.

Hold and smooth after Hämäläinen, "Smoothing of the Control Signal without Clipped Output in Digital
Peak Limiters", DAFx-02: the largest reduction required within a window, with release, averaged by
a triangular window of the length of the look-ahead, so that the full reduction is reached at the
peak.

The gain recovers with `release` to the mean reduction of the recent past, and with that mean, whose
time constant is `memory`, to 0 dB: single peaks cause no long dip and dense passages no pumping.

One compiled recursion with explicit state for whole signals and for blocks, with equal results bit
for bit.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, pad

from ai_mixer.dsp.one_pole import one_pole
from ai_mixer.dsp.operators import empty_like, operator
from ai_mixer.dsp.recursions import DENORMAL_LIMIT, FASTMATH_FLAGS, Array, as_rows, run_on_rows
from ai_mixer.utils.compilation import njit

FLOATS, COUNTS = 4, 3  # scalars in front of the ring buffers, see `advance_rows`


class Ballistics(NamedTuple):
    """Time constants of the gain, in samples and poles (y = pole · y + (1 − pole) · x).

    ramp: samples of the attack, at least 2. guard: samples on each side of a peak that get its full
    reduction, because a peak between samples depends on its neighbours.
    """

    ramp: int
    guard: int
    release: float
    memory: float

    @property
    def latency(self) -> int:
        """Delay of the gain in samples."""
        return self.ramp + self.guard

    @property
    def box_lengths(self) -> tuple[int, int]:
        """Lengths of two moving averages that together are the triangular window."""
        return self.ramp // 2 + 1, self.ramp - self.ramp // 2 + 1

    @property
    def window(self) -> int:
        """Number of samples for which a peak is held."""
        return self.ramp + 2 * self.guard + 1


class LookaheadState(NamedTuple):
    """State of a stream between blocks: numbers [B, …] and counts [B, …]."""

    numbers: Array
    counts: Array


def state_size(ballistics: Ballistics) -> int:
    """Length of the numbers of a `LookaheadState`."""
    return FLOATS + sum(ballistics.box_lengths) + ballistics.window


def initial_state(batch: int, ballistics: Ballistics) -> LookaheadState:
    """Return the state before the first block."""
    numbers = np.zeros((batch, state_size(ballistics)))
    return LookaheadState(numbers, np.zeros((batch, COUNTS + ballistics.window), np.int64))


def advance(needed_db: Tensor, ballistics: Ballistics, state: LookaheadState) -> Tensor:
    """Process the next block of a stream; changes `state`. No gradient.

    needed_db: [B, T], required gain of each sample, at most 0. Returns the gain in dB, delayed by
    `ballistics.latency` samples, [B, T] float64.
    """
    needed = as_rows(needed_db.double())
    out = np.empty_like(needed)
    none = np.empty((len(needed), 0), np.int64)
    run_on_rows(
        lambda *arrays: advance_rows(*arrays, ballistics),
        needed,
        state.numbers,
        state.counts,
        out,
        none,
        np.empty((len(needed), 2, 0), np.int8),
    )
    return torch.from_numpy(out)


def lookahead_gain_db(needed_db: Tensor, ballistics: Ballistics) -> Tensor:
    """Gain of a whole signal without delay, at most the required gain within `guard` samples.

    needed_db: [B, T], at most 0. Returns dB, [B, T] float64, on the same device. Exact derivatives
    of any order for a fixed choice of the peak that determines each gain.
    """
    late = pad(needed_db.double(), (0, ballistics.latency))
    gain_db: Tensor = _lookahead_gain(late, *ballistics)[0]
    return gain_db[:, ballistics.latency :]


def _fake_gain(needed_db: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    batch, length = needed_db.shape
    origins = needed_db.new_empty(batch, length, dtype=torch.int64)
    choices = needed_db.new_empty(batch, 2, length, dtype=torch.int8)
    return torch.empty_like(needed_db), origins, choices


@operator(_fake_gain)
def _lookahead_gain(
    needed_db: Tensor, ramp: int, guard: int, release: float, memory: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The gain moves to t = min(c, a), at once if lower; c: held required gain, a: its mean.

    Returns the gain, and for the gradient the index of the sample that determined the held value,
    [B, T], and whether the gain moves to c, and at once, [B, 2, T].
    """
    ballistics, needed = Ballistics(ramp, guard, release, memory), as_rows(needed_db)
    batch, length = needed.shape
    out, origins = np.empty_like(needed), np.empty(needed.shape, np.int64)
    choices = np.empty((batch, 2, length), np.int8)
    state = initial_state(batch, ballistics)
    buffers = (needed, state.numbers, state.counts, out, origins, choices)
    run_on_rows(lambda *arrays: advance_rows(*arrays, ballistics), *buffers)
    gain, origin, choice = map(torch.from_numpy, (out, origins, choices))
    return gain, origin, choice


@operator(empty_like(0), n_batched=3)
def _lookahead_gain_backward(
    grad: Tensor,
    origins: Tensor,
    choices: Tensor,
    ramp: int,
    guard: int,
    release: float,
    memory: float,
) -> Tensor:
    """Run the averages and both recursions backwards, and pass the result to the origins."""
    rows, ballistics = as_rows(grad), Ballistics(ramp, guard, release, memory)
    grad_needed = np.zeros_like(rows)
    buffers = (rows, origins.numpy(), choices.numpy(), grad_needed)
    run_on_rows(lambda *arrays: _lookahead_backward_rows(*arrays, ballistics), *buffers)
    return torch.from_numpy(grad_needed)


def _gain_of_choices(
    saved: Sequence[Tensor], constants: Sequence[Any], needed_db: Tensor
) -> tuple[Tensor]:
    """The gain for given origins and choices: linear, and the adjoint of the backward operator."""
    (origins, choices), ballistics = saved, Ballistics(*constants)
    moves_to_held, moves_at_once = choices.bool().unbind(1)
    held = needed_db.gather(1, origins)
    memory, release = (torch.full_like(held, p) for p in (ballistics.memory, ballistics.release))
    mean = one_pole((1.0 - memory) * held, memory)
    target = torch.where(moves_to_held, held, mean)
    release = release.masked_fill(moves_at_once, 0.0)
    gain = one_pole((1.0 - release) * target, release)
    for length in ballistics.box_lengths:
        gain = avg_pool1d(pad(gain, (length - 1, 0)), length, stride=1)
    return (gain,)


_lookahead_gain.register_gradient(
    lambda saved, constants, grad: (_lookahead_gain_backward(grad, *saved, *constants),),
    save=lambda _, outputs: outputs[1:],
)
_lookahead_gain_backward.register_gradient(_gain_of_choices, save=lambda inputs, _: inputs[1:3])


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def advance_rows(needed, numbers, counts, out, origins, choices, ballistics):  # type: ignore[no-untyped-def]
    """`advance_row` of all rows."""
    for row in range(needed.shape[0]):
        advance_row(
            needed[row],
            numbers[row],
            counts[row],
            out[row],
            origins[row],
            choices[row],
            ballistics,
        )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def advance_row(needed, numbers, counts, out, origins, choices, ballistics):  # type: ignore[no-untyped-def]
    """Compute the gain; origins and choices, for the gradient, are filled if they are not empty."""
    ramp, guard, release, memory = ballistics
    window = ramp + 2 * guard + 1
    wide1, wide2 = ramp // 2 + 1, ramp - ramp // 2 + 1
    share1, share2 = 1.0 / wide1, 1.0 / wide2
    traced = origins.shape[0] > 0
    mean, gain, sum1, sum2 = numbers[0], numbers[1], numbers[2], numbers[3]
    ring1 = numbers[FLOATS : FLOATS + wide1]
    ring2 = numbers[FLOATS + wide1 : FLOATS + wide1 + wide2]
    # Candidates for the minimum and their times: a queue in a ring buffer, deepest first.
    values, times = numbers[FLOATS + wide1 + wide2 :], counts[COUNTS:]
    now, head, queued = counts[0], counts[1], counts[2]
    at1, at2, last = now % wide1, now % wide2, (head + queued) % window
    for n in range(needed.shape[0]):
        need = needed[n]
        if queued > 0 and times[head] <= now - window:
            head, queued = head + 1 if head + 1 < window else 0, queued - 1
        if need < 0.0:  # samples without a required reduction are not queued
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
            origins[n] = times[head] if queued > 0 else now
            choices[0, n] = held <= mean
            choices[1, n] = target < gain
        # At once if the target is lower: then the second value is between both, and not lower.
        gain = min(target, release * gain + (1.0 - release) * target)
        if gain > -DENORMAL_LIMIT:
            gain = 0.0
        sum1 += gain - ring1[at1]
        ring1[at1] = gain
        once = sum1 * share1
        sum2 += once - ring2[at2]
        ring2[at2] = once
        out[n] = min(sum2 * share2, 0.0)
        at1, at2 = at1 + 1 if at1 + 1 < wide1 else 0, at2 + 1 if at2 + 1 < wide2 else 0
        now += 1
    numbers[0], numbers[1], numbers[2], numbers[3] = mean, gain, sum1, sum2
    counts[0], counts[1], counts[2] = now, head, queued


@njit(cache=True, nogil=True)
def _lookahead_backward_rows(grad, origins, choices, grad_needed, ballistics):  # type: ignore[no-untyped-def]
    averaged = np.zeros(grad.shape[1] + ballistics[0] // 2 + 1)
    for row in range(grad.shape[0]):
        lookahead_backward_row(
            grad[row], origins[row], choices[row], grad_needed[row], averaged, ballistics
        )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS)
def lookahead_backward_row(grad, origins, choices, grad_needed, averaged, ballistics):  # type: ignore[no-untyped-def]
    """Add the gradient of one row to grad_needed.

    averaged: work space with as many samples as grad, and ramp // 2 + 1 zeros.
    """
    ramp, _, release, memory = ballistics
    wide1, wide2 = ramp // 2 + 1, ramp - ramp // 2 + 1
    share1, share2 = 1.0 / wide1, 1.0 / wide2
    length = grad.shape[0]
    sum1 = sum2 = later_gain = later_mean = 0.0
    for n in range(length - 1, -1, -1):
        sum2 += grad[n] - (grad[n + wide2] if n + wide2 < length else 0.0)
        averaged[n] = sum2 * share2
        sum1 += averaged[n] - averaged[n + wide1]
        to_gain = sum1 * share1 + later_gain
        if choices[1, n]:
            to_target, later_gain = to_gain, 0.0
        else:
            to_target, later_gain = (1.0 - release) * to_gain, release * to_gain
        to_held = to_target if choices[0, n] else 0.0
        to_mean = to_target - to_held + later_mean
        later_mean = memory * to_mean
        grad_needed[origins[n]] += to_held + (1.0 - memory) * to_mean
