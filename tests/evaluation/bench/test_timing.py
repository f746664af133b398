import time

import pytest
import torch

from ai_mixer.evaluation.bench.timing import (
    Timing,
    quartiles,
    speedup,
    time_interleaved,
    use_threads,
)


def test_jobs_alternate_after_one_warm_up_call_each():
    calls = []
    jobs = {name: lambda name=name: calls.append(name) for name in "ab"}
    timings = time_interleaved(jobs, rounds=3)
    assert "".join(calls) == "ab" + "ab" * 3
    assert all(len(t.wall_ms) == len(t.cpu_ms) == 3 for t in timings.values())


def test_sleeping_takes_wall_time_but_no_processor_time():
    timing = time_interleaved({"wait": lambda: time.sleep(0.02)}, rounds=2)["wait"]
    assert min(timing.wall_ms) >= 20
    assert max(timing.cpu_ms) < 10
    assert timing.first_ms >= 20


def test_speedup_is_the_ratio_within_each_round():
    """A machine that is four times slower in the second round changes no ratio."""
    timing, other = Timing([], [1.0, 4.0, 2.0], 0), Timing([], [3.0, 12.0, 6.0], 0)
    assert speedup(timing, other) == (3.0, 3.0, 3.0)


def test_quartiles_are_lower_quartile_median_and_upper_quartile():
    assert quartiles([5.0, 1.0, 2.0, 4.0, 3.0]) == (2.0, 3.0, 4.0)


def test_number_of_threads_is_restored():
    before = torch.get_num_threads()
    with use_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_zero_rounds_raise():
    with pytest.raises(ValueError, match=r"rounds .*got 0"):
        time_interleaved({}, 0)
