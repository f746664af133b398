"""Tests of the limiter's gain: equality with a naive loop, attack, blocks, gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from ai_mixer.dsp.lookahead import Ballistics, advance, initial_state, lookahead_gain_db

SLOW = Ballistics(ramp=9, guard=3, release=0.9, memory=0.99)


def random_required_gain_db(length, seed, batch=1, share=0.1):
    rng = np.random.default_rng(seed)
    active = rng.random((batch, length)) < share
    return torch.from_numpy(np.where(active, -12 * rng.random((batch, length)), 0.0))


def naive(needed_db, ballistics):
    """Hold, release and two moving averages, each by its definition."""
    ramp, guard, release, memory = ballistics
    late = np.concatenate([needed_db, np.zeros(ramp + guard)])
    held = [late[max(0, n - ramp - 2 * guard) : n + 1].min() for n in range(len(late))]
    mean = gain = 0.0
    gains = []
    for need in held:
        mean = memory * mean + (1 - memory) * need
        target = min(need, mean)
        gain = target if target < gain else release * gain + (1 - release) * target
        gains.append(gain)
    for length in ballistics.box_lengths:
        gains = [sum(gains[max(0, n - length + 1) : n + 1]) / length for n in range(len(gains))]
    return np.array(gains[ramp + guard :])


@pytest.mark.parametrize("ballistics", [SLOW, Ballistics(2, 0, 0.5, 0.7), Ballistics(20, 5, 0, 0)])
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_equals_a_naive_loop(ballistics, share):
    needed = random_required_gain_db(400, 1, batch=2, share=share)
    expected = np.stack([naive(row, ballistics) for row in needed.numpy()])
    got = lookahead_gain_db(needed, ballistics).numpy()
    assert got == pytest.approx(expected, abs=1e-12)


def test_a_slowly_decreasing_reduction_fills_the_queue():
    """Every sample in the window is a candidate for the minimum."""
    needed = -torch.linspace(12, 0, 200, dtype=torch.float64)[None]
    got = lookahead_gain_db(needed, SLOW)[0].numpy()
    assert got == pytest.approx(naive(needed[0].numpy(), SLOW), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    ramp=st.integers(2, 40),
    guard=st.integers(0, 10),
    release=st.floats(0, 0.9999),
    memory=st.floats(0, 0.9999),
    share=st.floats(0.001, 1),
    seed=st.integers(0, 99),
)
def test_the_required_reduction_is_reached_in_time(ramp, guard, release, memory, share, seed):
    needed = random_required_gain_db(300, seed, share=share)
    gain = lookahead_gain_db(needed, Ballistics(ramp, guard, release, memory))[0].numpy()
    padded = np.pad(needed[0].numpy(), guard)
    deepest = np.lib.stride_tricks.sliding_window_view(padded, 2 * guard + 1).min(axis=1)
    assert (gain <= deepest + 1e-9).all()
    assert (gain >= needed.min().item() - 1e-9).all()


@pytest.mark.parametrize("cuts", [[1], [7, 100, 101], list(range(1, 400))])
def test_blocks_equal_the_whole_signal_bit_for_bit(cuts):
    needed = random_required_gain_db(400, 2, batch=3)
    state = initial_state(3, SLOW)
    blocks = [advance(block, SLOW, state) for block in torch.tensor_split(needed, cuts, dim=1)]
    whole = lookahead_gain_db(needed, SLOW)
    assert torch.equal(torch.cat(blocks, dim=1)[:, SLOW.latency :], whole[:, : -SLOW.latency])


def test_without_required_reduction_the_gain_is_0_db():
    assert not lookahead_gain_db(torch.zeros(1, 500), SLOW).any()


def test_the_gain_falls_during_the_ramp_before_a_peak():
    needed = torch.zeros(1, 200, dtype=torch.float64)
    needed[0, 100] = -12
    gain = lookahead_gain_db(needed, SLOW)[0]
    first, full = 100 - SLOW.latency, 100 - SLOW.guard
    assert not gain[:first].any()
    assert (gain[first - 1 : full + 1].diff() < 0).all()
    assert gain[full : 100 + SLOW.guard + 1].numpy() == pytest.approx(-12)
    assert gain.diff().abs().max() < 2.5 * 12 / SLOW.ramp


def test_the_gain_recovers_fast_after_one_peak_and_slowly_after_many():
    ballistics = Ballistics(ramp=10, guard=2, release=0.95, memory=0.999)
    single, dense = torch.zeros(2, 1, 6000, dtype=torch.float64)
    single[0, 1000] = -10
    dense[0, 1000:4000:25] = -10
    after_single, after_dense = (
        lookahead_gain_db(needed, ballistics)[0, [1100, 4100]] for needed in (single, dense)
    )
    assert after_single[0] > -0.3
    assert after_dense[1] < -4
    valley = lookahead_gain_db(dense, ballistics)[0, 3000:3900]
    assert valley.max() - valley.min() < 6
    without_memory = lookahead_gain_db(dense, ballistics._replace(memory=0.0))[0, 3000:3900]
    assert valley.max() - valley.min() < without_memory.max() - without_memory.min()


@pytest.mark.parametrize("share", [0.05, 1.0])
def test_gradient(share):
    offsets = 0.1 * random_required_gain_db(60, 4, batch=2, share=1)  # no equal values: ties
    needed = (random_required_gain_db(60, 3, batch=2, share=share) + offsets).requires_grad_()
    assert gradcheck(lambda need: lookahead_gain_db(need, SLOW), needed)
