"""The limiter's gain: equal to a naive loop, never late, the same in blocks, an exact gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from ai_mixer.dsp.lookahead import Ballistics, advance, initial_state, lookahead_gain_db

SLOW = Ballistics(ramp=9, guard=3, release=0.9, memory=0.99)


def needs(length, seed, batch=1, share=0.1):
    rng = np.random.default_rng(seed)
    here = rng.random((batch, length)) < share
    return torch.from_numpy(np.where(here, -12 * rng.random((batch, length)), 0.0))


def naive(needed_db, ballistics):
    """Hold, recover, average, average: each as its definition says."""
    ramp, guard, release, memory = ballistics
    late = np.concatenate([needed_db, np.zeros(ramp + guard)])
    held = [late[max(0, n - ramp - 2 * guard) : n + 1].min() for n in range(len(late))]
    mean = gain = 0.0
    moved = []
    for need in held:
        mean = memory * mean + (1 - memory) * need
        target = min(need, mean)
        gain = target if target < gain else release * gain + (1 - release) * target
        moved.append(gain)
    for wide in ballistics.box_lengths:
        moved = [sum(moved[max(0, n - wide + 1) : n + 1]) / wide for n in range(len(moved))]
    return np.array(moved[ramp + guard :])


@pytest.mark.parametrize("ballistics", [SLOW, Ballistics(2, 0, 0.5, 0.7), Ballistics(20, 5, 0, 0)])
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_equals_a_naive_loop(ballistics, share):
    needed = needs(400, 1, batch=2, share=share)
    expected = np.stack([naive(row, ballistics) for row in needed.numpy()])
    got = lookahead_gain_db(needed, ballistics).numpy()
    assert got == pytest.approx(expected, abs=1e-12)


def test_the_longest_queue_of_candidates():
    """A need that eases off sample by sample: every sample stays a candidate for the minimum."""
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
def test_every_need_is_met_in_time(ramp, guard, release, memory, share, seed):
    needed = needs(300, seed, share=share)
    gain = lookahead_gain_db(needed, Ballistics(ramp, guard, release, memory))[0].numpy()
    around = np.pad(needed[0].numpy(), guard)
    deepest = np.lib.stride_tricks.sliding_window_view(around, 2 * guard + 1).min(axis=1)
    assert (gain <= deepest + 1e-9).all()
    assert (gain >= needed.min().item() - 1e-9).all()


@pytest.mark.parametrize("cuts", [[1], [7, 100, 101], list(range(1, 400))])
def test_blocks_are_the_whole_to_the_bit(cuts):
    needed = needs(400, 2, batch=3)
    state = initial_state(3, SLOW)
    blocks = [advance(block, SLOW, state) for block in torch.tensor_split(needed, cuts, dim=1)]
    whole = lookahead_gain_db(needed, SLOW)
    assert torch.equal(torch.cat(blocks, dim=1)[:, SLOW.latency :], whole[:, : -SLOW.latency])


def test_nothing_needed_is_nothing_done():
    assert not lookahead_gain_db(torch.zeros(1, 500), SLOW).any()


def test_comes_down_no_faster_than_the_ramp():
    needed = torch.zeros(1, 200, dtype=torch.float64)
    needed[0, 100] = -12
    gain = lookahead_gain_db(needed, SLOW)[0]
    first, full = 100 - SLOW.latency, 100 - SLOW.guard
    assert not gain[:first].any()
    assert (gain[first - 1 : full + 1].diff() < 0).all()
    assert gain[full : 100 + SLOW.guard + 1].numpy() == pytest.approx(-12)
    assert gain.diff().abs().max() < 2.5 * 12 / SLOW.ramp


def test_one_peak_is_soon_forgotten_and_a_dense_passage_is_not():
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
    assert valley.max() - valley.min() < 6  # without the memory the gain would swing further
    bare = lookahead_gain_db(dense, ballistics._replace(memory=0.0))[0, 3000:3900]
    assert valley.max() - valley.min() < bare.max() - bare.min()


@pytest.mark.parametrize("share", [0.05, 1.0])
def test_gradient(share):
    apart = 0.1 * needs(60, 4, batch=2, share=1)  # no two equal: there the minimum could switch
    needed = (needs(60, 3, batch=2, share=share) + apart).requires_grad_()
    assert gradcheck(lambda need: lookahead_gain_db(need, SLOW), needed)
