"""Time pieces of work in turn, in one process, so that what disturbs one disturbs all.

Other programs on the machine change the clock's reading by a factor of two from minute to minute,
the processor time by some percent. So both are taken, pieces that are compared alternate, and what
counts is the median over rounds of their ratio within a round.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

TimedFunction = Callable[[], object]
PERCENTILES = (25.0, 50.0, 75.0)


class Timing(NamedTuple):
    """One piece of work: every round's clock and processor time, and the first call's, in ms."""

    wall_ms: list[float]
    cpu_ms: list[float]
    first_ms: float  # with what is compiled, planned and cached on the way


class Quartiles(NamedTuple):
    """A median and the quartiles around it."""

    low: float
    median: float
    high: float


def time_interleaved(jobs: Mapping[str, TimedFunction], rounds: int) -> dict[str, Timing]:
    """Call every job once to warm up, then all of them in turn, `rounds` times.

    Returns name → timing. ValueError if `rounds` is below 1.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, got {rounds}")
    timings = {name: Timing([], [], _time_call(job)[0]) for name, job in jobs.items()}
    for _ in range(rounds):
        for name, job in jobs.items():
            wall_ms, cpu_ms = _time_call(job)
            timings[name].wall_ms.append(wall_ms)
            timings[name].cpu_ms.append(cpu_ms)
    return timings


def quartiles(values: list[float]) -> Quartiles:
    """Quartiles of some readings."""
    return Quartiles(*(float(value) for value in np.percentile(values, PERCENTILES)))


def speedup(timing: Timing, other: Timing) -> Quartiles:
    """How many times the processor time of `timing` the other took, round by round."""
    return quartiles(
        [theirs / ours for ours, theirs in zip(timing.cpu_ms, other.cpu_ms, strict=True)]
    )


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Torch, and our kernels with it, use this many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _time_call(job: TimedFunction) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    job()
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)
