"""Tests of the smoothing of knob changes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_mixer.console.smoothing import (
    CONTROL_PERIOD_SAMPLES,
    advance,
    init_ramp,
    is_moving,
    period_ends,
    positions_at,
    set_target,
)


def path(ramp, step, count):
    """Positions [count, P] from now on, every `step` samples."""
    rows = np.empty((count, len(ramp.target)))
    for index, row in enumerate(rows):
        positions_at(ramp, ramp.counts[0] + index * step, row)
    return rows


def follow(changes, length=1000, step=7):
    """Positions of one knob for changes (samples until the change, target), and its ramp."""
    ramp, positions = init_ramp(np.array([0.5]), length), []
    for samples, target in changes:
        for done in range(0, samples, step):
            positions.append(path(ramp, step, 1)[0, 0])
            advance(ramp, min(step, samples - done))
        set_target(ramp, np.array([target]))
    return np.array(positions), ramp


def test_the_target_is_reached_exactly_and_kept():
    ramp = init_ramp(np.array([0.3, 0.9]), 1000)
    set_target(ramp, np.array([0.7, 0.1]))
    positions = path(ramp, 100, 11)
    assert (positions[0] == [0.3, 0.9]).all()
    assert (positions[-1] == [0.7, 0.1]).all()
    assert is_moving(ramp)
    advance(ramp, 1000)
    assert not is_moving(ramp)
    assert (path(ramp, 100, 11) == [0.7, 0.1]).all()


def test_half_of_the_change_takes_half_of_the_time():
    ramp = init_ramp(np.array([0.0]), 1000)
    set_target(ramp, np.array([1.0]))
    positions = path(ramp, 10, 101)[:, 0]
    assert abs(positions[50] - 0.5) < 1e-12
    assert (np.diff(positions) >= 0).all()
    assert np.diff(positions).max() < 2.01 / 100  # a raised cosine is twice as fast as a line


def test_advance_moves_along_the_path():
    ramp = init_ramp(np.array([0.0]), 960)
    set_target(ramp, np.array([1.0]))
    positions = path(ramp, 32, 30)
    advance(ramp, 320)
    np.testing.assert_allclose(path(ramp, 32, 20), positions[10:30], atol=1e-12)


def test_the_present_target_starts_no_change():
    ramp = init_ramp(np.array([0.3, 0.9]), 1000)
    set_target(ramp, np.array([0.3, 0.9]))
    assert not is_moving(ramp)


def test_a_change_with_every_sample_needs_no_more_memory_than_the_ramp_has():
    ramp, generator = init_ramp(np.array([0.5]), 1000), np.random.default_rng(0)
    for target in generator.random(5000):
        set_target(ramp, np.array([target]))
        advance(ramp, 1)
    assert ramp.counts[2] <= len(ramp.starts)
    advance(ramp, 1000)
    assert path(ramp, 1, 1)[0] == ramp.target


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 200), st.integers(1, 200))
def test_the_control_periods_cover_the_block(now, samples):
    ramp = init_ramp(np.array([0.5]), 1000)
    advance(ramp, now)
    ends = period_ends(ramp.counts[0], samples)
    assert ends[0] - CONTROL_PERIOD_SAMPLES <= now < ends[0]
    assert ends[-1] - CONTROL_PERIOD_SAMPLES < now + samples <= ends[-1]
    assert (np.diff(ends) == CONTROL_PERIOD_SAMPLES).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1500), st.floats(0, 1)), min_size=1, max_size=6))
def test_positions_never_overshoot_and_never_jump(changes):
    positions, ramp = follow(changes)
    targets = [0.5, *(target for _, target in changes)]
    positions = np.concatenate([positions, path(ramp, 7, 144)[:, 0]])
    assert positions.min() >= min(targets) - 1e-9
    assert positions.max() <= max(targets) + 1e-9
    assert np.abs(np.diff(positions)).max() <= 2.01 * 7 / 1000 + 1e-4  # changes within a period
    assert positions[-1] == targets[-1]


def test_a_steadily_moving_knob_is_followed_with_half_the_smoothing_time():
    ramp, positions = init_ramp(np.array([0.0]), 1000), []
    for sample in range(0, 5000, 50):
        set_target(ramp, np.array([sample / 5000]))
        positions.append(path(ramp, 1, 1)[0, 0])
        advance(ramp, 50)
    lag = np.arange(2000, 5000, 50) / 5000 - np.array(positions[40:])
    np.testing.assert_allclose(lag * 5000, 500 + 25, atol=1e-6)  # half a step more
