"""Time functions alternately in one process, so that disturbances affect all of them.

Other programs on the machine change wall time by a factor of two from minute to minute, and
processor time by some percent. So both are measured, compared functions alternate, and the result
is the median over rounds of the ratio within a round.
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
    """Wall and processor time of every round, and wall time of the first call, in ms."""

    wall_ms: list[float]
    cpu_ms: list[float]
    first_ms: float  # includes compilation, planning and caching


class Quartiles(NamedTuple):
    """Median, lower and upper quartile."""

    low: float
    median: float
    high: float


def time_interleaved(jobs: Mapping[str, TimedFunction], rounds: int) -> dict[str, Timing]:
    """Call every job once to warm up, then all jobs alternately, `rounds` times.

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
    """Compute median and quartiles."""
    return Quartiles(*(float(value) for value in np.percentile(values, PERCENTILES)))


def speedup(timing: Timing, other: Timing) -> Quartiles:
    """Ratio of processor times, `other` / `timing`, per round."""
    pairs = zip(timing.cpu_ms, other.cpu_ms, strict=True)
    return quartiles([other_ms / ms for ms, other_ms in pairs])


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Set the number of threads of torch, which the project's kernels use as well."""
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
