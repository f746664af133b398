"""Tests of pan and balance: the law, and the inverse where it exists."""

import numpy as np
import pytest
import torch

from ai_mixer.effects.pan import Pan
from helpers.effects import music
from helpers.measures import residual_db, to_db

RATE = 44_100
POSITIONS = [-1.0, -0.6, 0.0, 0.25, 1.0]


def panned(x, pan):
    return Pan()(x, RATE, pan=torch.tensor([pan], dtype=torch.float64))


def mono_track():
    return music(channels=1).expand(1, 2, -1)


def power(x):
    return float(x.square().sum())


@pytest.mark.parametrize("pan", POSITIONS)
def test_the_power_of_a_mono_track_is_constant(pan):
    x = mono_track()
    assert power(panned(x, pan)) == pytest.approx(power(x), rel=1e-12)


@pytest.mark.parametrize("pan", POSITIONS)
def test_it_equals_the_sine_law_in_numpy(pan):
    x, angle = music()[0].numpy(), np.deg2rad(45 * (pan + 1))
    want = np.sqrt(2) * np.stack([np.cos(angle) * x[0], np.sin(angle) * x[1]])
    assert residual_db(panned(music(), pan)[0], want) <= -200


def test_left_is_negative_and_the_other_side_is_silent():
    left, right = panned(music(), -1.0)[0]
    assert to_db(left.abs().max() / music()[0, 0].abs().max()) == pytest.approx(3.01, abs=0.01)
    assert to_db(right.abs().max()) < -200


@pytest.mark.parametrize("pan", POSITIONS)
def test_the_inverse_of_a_mono_track_is_exact_even_at_the_sides(pan):
    x = mono_track()
    inverse = Pan().invert(panned(x, pan), RATE, pan=torch.tensor([pan], dtype=torch.float64))
    assert residual_db(inverse, x) <= -200


def test_audio_of_one_channel_is_unchanged_and_the_knob_inaudible():
    x, pan = music(batch=2, channels=1), torch.tensor([-1.0, 0.5]).double()
    assert torch.equal(Pan()(x, RATE, pan=pan), x)
    assert Pan().audible(x, RATE, pan=pan).tolist() == [False, False]
    assert Pan().audible(music(batch=2), RATE, pan=pan).tolist() == [True, True]
