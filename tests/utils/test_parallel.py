"""Tests of `parallel_map`: order, errors, torch's thread count afterwards."""

import threading

import pytest
import torch

from ai_mixer.evaluation.bench.timing import use_threads
from ai_mixer.utils.parallel import parallel_map


def test_results_come_in_the_order_of_the_items():
    def slowly(number):
        threading.Event().wait(0.01 * (5 - number))
        return number, torch.get_num_threads()

    with use_threads(2):
        results = list(parallel_map(slowly, range(5), "counting"))
        assert torch.get_num_threads() == 2
    assert results == [(number, 1) for number in range(5)]


def test_an_error_stops_the_remaining_items():
    done = []

    def work(number):
        if number == 1:
            raise ValueError("no more")
        threading.Event().wait(0.001)
        done.append(number)

    with use_threads(1), pytest.raises(ValueError, match="no more"):
        list(parallel_map(work, range(100), "failing"))
    assert len(done) < 99
    assert torch.get_num_threads() >= 1
