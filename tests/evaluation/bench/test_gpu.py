"""The table of the console on a GPU."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.evaluation.bench.gpu import gpu_table


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_gpu_nothing_is_measured_and_the_bars_are_named():
    (row,) = gpu_table(load_console(), 44100, rounds=1).to_dict("records")
    assert row == {"GPU": "not measured: no GPU", "at most ms": 120.0, "ratio at least": 5.0}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_bars_are_met_on_a_gpu():
    (row,) = gpu_table(load_console(), 44100, rounds=3).to_dict("records")
    assert row["GPU ms"] <= row["at most ms"]
    assert row["ratio"] >= row["ratio at least"]
