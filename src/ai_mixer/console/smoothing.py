"""Smoothing of knob changes: each change follows a raised-cosine velocity, changes add up.

The sum is linear, so the delay behind a knob that moves with each block equals the delay of a
single change, and positions never overshoot their targets.
"""

import math
from typing import NamedTuple

import numpy as np

from ai_mixer.dsp.recursions import Array
from ai_mixer.utils.compilation import njit

CONTROL_PERIOD_SAMPLES = 32  # positions are computed once per period, coefficients interpolated
NOW, OLDEST, COUNT, LENGTH, COUNTS = range(5)  # indices of `KnobRamp.counts`, and their number


class KnobRamp(NamedTuple):
    """Positions of P knobs that move to their targets within `length` samples.

    counts: samples processed so far, index of the oldest change in the ring, number of changes in
    it, length of a change in samples. target: [P]. changes: [M, P], a ring buffer of the changes
    that have not ended; starts: [M], their first samples.
    """

    counts: Array
    target: Array
    changes: Array
    starts: Array


@njit(cache=True, nogil=True)
def ramp_size(knobs, length):  # type: ignore[no-untyped-def]
    """Size of the memory of a ramp in float64 numbers, for changes of `length` samples."""
    return COUNTS + knobs + (knobs + 1) * _capacity(length)


@njit(cache=True, nogil=True)
def _capacity(length):  # type: ignore[no-untyped-def]
    return length // CONTROL_PERIOD_SAMPLES + 2  # at most one change begins per control period


@njit(cache=True, nogil=True)
def ramp_from(memory, knobs, length):  # type: ignore[no-untyped-def]
    """A ramp whose state is in `memory`: zeros, or those of the same ramp."""
    capacity = _capacity(length)
    counts, rest = memory[:COUNTS].view(np.int64), memory[COUNTS:]
    counts[LENGTH] = length
    target, rest = rest[:knobs], rest[knobs:]
    changes, rest = rest[: knobs * capacity], rest[knobs * capacity :]
    starts = rest[:capacity].view(np.int64)
    return KnobRamp(counts, target, changes.reshape((capacity, knobs)), starts)


def init_ramp(positions: Array, length: int) -> KnobRamp:
    """Create a ramp at `positions`, [P], whose changes take `length` samples."""
    knobs = len(positions)
    ramp: KnobRamp = ramp_from(np.zeros(ramp_size(knobs, length)), knobs, length)
    ramp.target[:] = positions
    return ramp


def period_ends(now: int, samples: int) -> Array:
    """Ends of the control periods that the next samples touch, in samples of the stream's time."""
    first, last = (n // CONTROL_PERIOD_SAMPLES + 1 for n in (now, now + samples - 1))
    return np.arange(first, last + 1) * CONTROL_PERIOD_SAMPLES


@njit(cache=True, nogil=True)
def set_target(ramp, target):  # type: ignore[no-untyped-def]
    """Start to move to another target, [P]; no change if it is the present one.

    A change within the control period of the previous one is added to it.
    """
    moved = False
    for p in range(len(target)):
        moved |= target[p] != ramp.target[p]
    if not moved:
        return
    now, oldest, count = ramp.counts[NOW], ramp.counts[OLDEST], ramp.counts[COUNT]
    newest = (oldest + count - 1) % len(ramp.starts)
    if count == 0 or now - ramp.starts[newest] >= CONTROL_PERIOD_SAMPLES:
        newest = (oldest + count) % len(ramp.starts)
        ramp.starts[newest] = now
        ramp.changes[newest] = 0.0
        ramp.counts[COUNT] = count + 1
    for p in range(len(target)):
        ramp.changes[newest, p] += target[p] - ramp.target[p]
        ramp.target[p] = target[p]


@njit(cache=True, nogil=True)
def reset_ramp(ramp):  # type: ignore[no-untyped-def]
    """Set the time to 0 and end all changes."""
    ramp.counts[NOW] = ramp.counts[OLDEST] = ramp.counts[COUNT] = 0


@njit(cache=True, nogil=True)
def is_moving(ramp):  # type: ignore[no-untyped-def]
    """Whether a change has not ended."""
    return ramp.counts[COUNT] > 0


@njit(cache=True, nogil=True)
def positions_at(ramp, sample, positions):  # type: ignore[no-untyped-def]
    """Write the positions at a sample, at most one control period ahead of a change to come."""
    for p in range(len(positions)):  # a slice assignment of an array would allocate memory
        positions[p] = ramp.target[p]
    length = ramp.counts[LENGTH]
    for index in range(ramp.counts[COUNT]):
        slot = (ramp.counts[OLDEST] + index) % len(ramp.starts)
        progress = max(sample - ramp.starts[slot], 0) / length
        if progress < 1.0:
            left = 1.0 - progress + math.sin(2.0 * math.pi * progress) / (2.0 * math.pi)
            for p in range(len(positions)):
                positions[p] -= left * ramp.changes[slot, p]


@njit(cache=True, nogil=True)
def advance(ramp, samples):  # type: ignore[no-untyped-def]
    """Advance the time by a number of samples and remove the changes that have ended."""
    counts = ramp.counts
    counts[NOW] += samples
    while counts[COUNT] > 0:
        if counts[NOW] - ramp.starts[counts[OLDEST]] < counts[LENGTH]:
            break
        counts[OLDEST] = (counts[OLDEST] + 1) % len(ramp.starts)
        counts[COUNT] -= 1
