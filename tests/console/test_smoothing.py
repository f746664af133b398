import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_mixer.console.smoothing import KnobSmoother


def walk(jumps, length=1000, step=7):
    """One knob's way through jumps of (samples until then, target), and where it was sent."""
    ramp, heard = KnobSmoother(np.array([0.5]), length), []
    for advance, target in jumps:
        for done in range(0, advance, step):
            heard.append(ramp.path(step)[0, 0])
            ramp.advance(min(step, advance - done))
        ramp.set_target(np.array([target]))
    return np.array(heard), ramp


def test_a_jump_arrives_exactly_and_stays():
    ramp = KnobSmoother(np.array([0.3, 0.9]), 1000)
    ramp.set_target(np.array([0.7, 0.1]))
    path = ramp.path(32)
    assert len(path) == 33
    assert (path[0] == [0.3, 0.9]).all()
    assert (path[-1] == [0.7, 0.1]).all()
    ramp.advance(1000)
    assert (ramp.path(32) == [0.7, 0.1]).all()


def test_half_of_the_way_in_half_of_the_time():
    ramp = KnobSmoother(np.array([0.0]), 1000)
    ramp.set_target(np.array([1.0]))
    path = ramp.path(10)[:, 0]
    assert abs(path[50] - 0.5) < 1e-12
    assert (np.diff(path) >= 0).all()
    assert np.diff(path).max() < 2.01 / 100  # a raised cosine is twice as fast as a straight line


def test_time_passes_as_the_path_said():
    ramp = KnobSmoother(np.array([0.0]), 960)
    ramp.set_target(np.array([1.0]))
    path = ramp.path(32)
    ramp.advance(320)
    np.testing.assert_allclose(ramp.path(32)[:20], path[10:30], atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1500), st.floats(0, 1)), min_size=1, max_size=6))
def test_never_further_than_it_was_sent_and_never_a_leap(jumps):
    heard, ramp = walk(jumps)
    sent = [0.5, *(target for _, target in jumps)]
    everything = np.concatenate([heard, ramp.path(7)[:, 0]])
    assert everything.min() >= min(sent) - 1e-9
    assert everything.max() <= max(sent) + 1e-9
    assert np.abs(np.diff(everything)).max() <= 2.01 * 7 / 1000
    assert ramp.path(7)[-1, 0] == sent[-1]


def test_a_knob_that_moves_all_the_time_is_followed_half_a_glide_behind():
    ramp, followed = KnobSmoother(np.array([0.0]), 1000), []
    for sample in range(0, 5000, 10):
        ramp.set_target(np.array([sample / 5000]))
        followed.append(ramp.path(10)[0, 0])
        ramp.advance(10)
    late = np.arange(2000, 5000, 10) / 5000 - np.array(followed[200:])
    np.testing.assert_allclose(late * 5000, 500, atol=10)
