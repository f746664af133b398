"""Streaming kernels that are neutral: audio passes unchanged, also around a knob that is turned."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import lfilter

from ai_mixer.dsp.formulas import build
from ai_mixer.dsp.streaming_dynamics import DYNAMICS_STATES, dynamics
from ai_mixer.dsp.streaming_kernels import STATES_PER_BIQUAD, second_order_filter

RATE, BLOCK = 48_000.0, 128
STILL = np.zeros(5)
FORMULAS = build(np)


def peak(gain_db):
    return np.array(FORMULAS.peak(gain_db, 100.0, 1.0, RATE))


def noise(channels, blocks):
    return 0.3 * np.random.default_rng(0).standard_normal((blocks, channels, BLOCK))


def changing_filter(x, coefficients):
    """Direct form I of [T] with coefficients [T, 5]."""
    x, y = np.concatenate([[0, 0], x]), np.zeros(len(x) + 2)
    for n, (b0, b1, b2, a1, a2) in enumerate(coefficients, 2):
        y[n] = b0 * x[n] + b1 * x[n - 1] + b2 * x[n - 2] - a1 * y[n - 1] - a2 * y[n - 2]
    return y[2:]


@pytest.mark.parametrize("channels", [1, 2])
def test_a_filter_that_leaves_neutral_continues_from_the_audio_before(channels):
    """Neutral, turned within a block, turned, back within a block, neutral."""
    audio, state = noise(channels, 8), np.zeros(STATES_PER_BIQUAD * channels)
    ends = [peak(gain_db) for gain_db in (0, 0, 0, 9, 9, 0, 0, 0, 0)]
    steps = [(after - now) / BLOCK for now, after in pairwise(ends)]
    rows = [now + np.outer(np.arange(BLOCK), by) for now, by in zip(ends, steps, strict=False)]
    out = audio.copy()
    for block, now, by in zip(out, ends, steps, strict=False):
        second_order_filter(block, now, by, state)
    assert np.array_equal(out[:2], audio[:2])
    for channel in range(channels):
        expected = changing_filter(audio[:, channel].ravel(), np.concatenate(rows))
        assert np.abs(out[:, channel].ravel() - expected).max() < 1e-11


def test_a_filter_that_was_turned_rings_until_it_is_neutral():
    audio, state = noise(2, 400), np.zeros(STATES_PER_BIQUAD * 2)
    second_order_filter(audio[0].copy(), peak(9), STILL, state)
    start = state.copy()
    out = audio[1:].copy()
    for block in out:
        second_order_filter(block, peak(0), STILL, state)
    assert not np.array_equal(out[0], audio[1])
    assert np.array_equal(out[-1], audio[-1])
    b0, b1, b2, a1, a2 = peak(0)
    for channel in range(2):
        x1, x2, y1, y2 = start[4 * channel : 4 * channel + 4]
        held = [b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2, b2 * x1 - a2 * y1]
        expected, _ = lfilter([b0, b1, b2], [1, a1, a2], audio[1:, channel].ravel(), zi=held)
        assert np.abs(out[:, channel].ravel() - expected).max() < 1e-10


def test_a_compressor_with_ratio_1_passes_audio_and_starts_as_one_that_ran():
    def run(slope):
        out, state = noise(2, 6), np.zeros(DYNAMICS_STATES)
        state[1] = 24.0
        now = np.array([slope, 0.99, 0.999, -18.0, 6.0, 1.0])
        turned = np.array([0.5, 0, 0, 0, 0, 0]) / BLOCK
        for number, block in enumerate(out):
            dynamics(block, now, turned * (number == 3), state)
            now = now + BLOCK * turned * (number == 3)
        return out

    skipped, ran = run(0.0), run(1e-30)
    assert np.array_equal(skipped[:3], noise(2, 6)[:3])
    assert np.abs(skipped - ran).max() < 1e-7  # of the fast exponential
    assert np.abs(skipped[4:] - noise(2, 6)[4:]).max() > 0.01
