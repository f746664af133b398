"""Tests of the compiled entry of the engine."""

import math
import subprocess
import sys

import numpy as np
import pytest

from ai_mixer.console import load_console
from ai_mixer.console.process import NO_PATH, process, reset_engine
from helpers.signals import noise

RATE = 44_100
CONSOLE = load_console("classic", "wide")
P = len(CONSOLE.knobs)


def run(stream, x, knobs):
    """Output of `process` for audio [C, T] in blocks of 500 samples with knobs [N, P]."""
    out = np.empty_like(x)
    for number, start in enumerate(range(0, x.shape[1], 500)):
        block = np.ascontiguousarray(x[:, start : start + 500])
        mix = np.empty_like(block)
        process(block, mix, knobs[min(number, len(knobs) - 1)], NO_PATH, stream._memory)
        out[:, start : start + 500] = mix
    return out


@pytest.mark.parametrize("limit", [True, False])
def test_a_reset_engine_equals_a_new_one(limit):
    x, knobs = noise(2, 10_000, level=1.0).numpy(), np.stack([np.full(P, 0.2), np.full(P, 0.8)])
    stream = CONSOLE.stream(RATE, 500, limit=limit)
    first = run(stream, x, knobs)
    reset_engine(stream._memory, x)
    assert np.array_equal(run(stream, x, knobs), first)


def test_two_engines_do_not_share_state():
    x, knobs = noise(2, 2_000, level=1.0).numpy(), np.full((1, P), 0.8)
    one, other = (CONSOLE.stream(RATE, 500) for _ in range(2))
    first = run(one, x, knobs)
    assert np.array_equal(run(other, x, knobs), first)


SECOND_PROCESS = """
from numba.core.registry import CPUDispatcher
from ai_mixer.console import load_console
load_console("classic", "wide").stream(44_100, 128)
import gc
compiled = [d for d in gc.get_objects() if isinstance(d, CPUDispatcher)]
print(sorted({d.__name__ for d in compiled if d.stats.cache_misses}))
"""


@pytest.mark.slow
def test_another_process_compiles_nothing():
    """The cache of compiled code is complete after the first use."""
    CONSOLE.stream(RATE, 128)
    done = subprocess.run(
        [sys.executable, "-c", SECOND_PROCESS], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("value", [1e10, 1e30, 3e38, math.inf, math.nan])
def test_no_sample_keeps_the_output_from_being_finite(value):
    x = noise(2, 2_000).numpy()
    x[:, 100:200] = value
    out = run(CONSOLE.stream(RATE, 500), x, np.full((1, P), 0.9))
    assert np.isfinite(out).all()
