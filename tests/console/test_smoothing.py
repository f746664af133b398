"""Tests of the smoothing of knob changes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_mixer.console.smoothing import KnobSmoother


def follow(changes, length=1000, step=7):
    """Positions of one knob for changes (samples until the change, target), and its smoother."""
    smoother, positions = KnobSmoother(np.array([0.5]), length), []
    for samples, target in changes:
        for done in range(0, samples, step):
            positions.append(smoother.path(step)[0, 0])
            smoother.advance(min(step, samples - done))
        smoother.set_target(np.array([target]))
    return np.array(positions), smoother


def test_the_target_is_reached_exactly_and_kept():
    smoother = KnobSmoother(np.array([0.3, 0.9]), 1000)
    smoother.set_target(np.array([0.7, 0.1]))
    path = smoother.path(32)
    assert len(path) == 33
    assert (path[0] == [0.3, 0.9]).all()
    assert (path[-1] == [0.7, 0.1]).all()
    smoother.advance(1000)
    assert (smoother.path(32) == [0.7, 0.1]).all()


def test_half_of_the_change_takes_half_of_the_time():
    smoother = KnobSmoother(np.array([0.0]), 1000)
    smoother.set_target(np.array([1.0]))
    path = smoother.path(10)[:, 0]
    assert abs(path[50] - 0.5) < 1e-12
    assert (np.diff(path) >= 0).all()
    assert np.diff(path).max() < 2.01 / 100  # a raised cosine is twice as fast as a straight line


def test_advance_moves_along_the_path():
    smoother = KnobSmoother(np.array([0.0]), 960)
    smoother.set_target(np.array([1.0]))
    path = smoother.path(32)
    smoother.advance(320)
    np.testing.assert_allclose(smoother.path(32)[:20], path[10:30], atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1500), st.floats(0, 1)), min_size=1, max_size=6))
def test_positions_never_overshoot_and_never_jump(changes):
    positions, smoother = follow(changes)
    targets = [0.5, *(target for _, target in changes)]
    path = np.concatenate([positions, smoother.path(7)[:, 0]])
    assert path.min() >= min(targets) - 1e-9
    assert path.max() <= max(targets) + 1e-9
    assert np.abs(np.diff(path)).max() <= 2.01 * 7 / 1000
    assert smoother.path(7)[-1, 0] == targets[-1]


def test_a_steadily_moving_knob_is_followed_with_half_the_smoothing_time():
    smoother, positions = KnobSmoother(np.array([0.0]), 1000), []
    for sample in range(0, 5000, 10):
        smoother.set_target(np.array([sample / 5000]))
        positions.append(smoother.path(10)[0, 0])
        smoother.advance(10)
    lag = np.arange(2000, 5000, 10) / 5000 - np.array(positions[200:])
    np.testing.assert_allclose(lag * 5000, 500, atol=10)
