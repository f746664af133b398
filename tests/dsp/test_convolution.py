"""Tests of streaming convolution: equality with scipy."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve

from ai_mixer.dsp.convolution import (
    convolve,
    convolver_size,
    init_convolver,
    reset_convolver,
)
from helpers import signals
from helpers.measures import residual_db

noise = partial(signals.noise, level=1.0, dtype=torch.float64)


def naive(x, response):
    paths = [[fftconvolve(x[i], h)[: x.shape[1]] for i, h in enumerate(row)] for row in response]
    return np.sum(paths, axis=1)


def initial_state(response, rate):
    channels, _, taps = response.shape
    state = np.zeros(convolver_size(taps, float(rate), channels))
    init_convolver(state, response.astype(np.float32), float(rate))
    return state


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("taps", [1, 150, 5_000, 20_001])
def test_equals_scipy_convolution_without_delay(channels, rate, taps):
    x, response = noise(channels, 30_000).numpy(), noise(channels, channels, taps, seed=1).numpy()
    state, y, start = initial_state(response, rate), x.copy(), 0
    for count in [1, 63, 4096, 100, *[1000] * 30]:
        block = y[:, start : start + count].copy()
        convolve(block, 1.0, 0.0, state)
        y[:, start : start + count] = block
        start += count
    assert residual_db(y, naive(x, response)) < -115


def test_a_changing_wet_share_interpolates_between_dry_and_wet():
    x, response = noise(2, 5_000).numpy(), noise(2, 2, 3_000, seed=1).numpy()
    y, share = x.copy(), np.arange(5_000) / 5_000
    convolve(y, 0.0, 1 / 5_000, initial_state(response, 44_100))
    assert residual_db(y, x + share * (naive(x, response) - x)) < -115


def test_denormal_input_becomes_silence():
    y = np.full((2, 3_000), 1e-35)
    convolve(y, 1.0, 0.0, initial_state(noise(2, 2, 2_000).numpy(), 44_100))
    assert not y.any()


def test_a_reset_state_equals_the_initial_one():
    x = noise(2, 3_000).numpy()
    state = initial_state(noise(2, 2, 5_000, seed=1).numpy(), 44_100)
    first, second = x.copy(), x.copy()
    convolve(first, 1.0, 0.0, state)
    reset_convolver(state, 2)
    convolve(second, 1.0, 0.0, state)
    assert np.array_equal(first, second)
