"""Tests of the stereo width."""

import torch

from ai_mixer.effects.width import Width
from helpers.signals import noise

RATE = 44_100


def stereo(side, batch=1):
    """Noise with a side of `side` times its mid."""
    mid, difference = noise(2, batch, RATE // 4, level=1.0)
    return torch.stack([mid + side * difference, mid - side * difference], dim=1)


def at(width, batch=1):
    return torch.full((batch,), width)


def test_the_side_is_scaled_and_the_mid_kept():
    x = stereo(0.5)
    y = Width()(x, RATE, width=at(2.5))
    torch.testing.assert_close(y[:, 0] + y[:, 1], x[:, 0] + x[:, 1])
    torch.testing.assert_close(y[:, 0] - y[:, 1], 2.5 * (x[:, 0] - x[:, 1]))


def test_mono_is_unchanged_and_the_width_inaudible():
    x = stereo(0.5)[:, :1]
    assert Width()(x, RATE, width=at(2.0)) is x
    assert Width().audible(x, RATE, width=at(2.0)).tolist() == [False]


def test_audibility_for_near_mono_silence_and_wide_input():
    x = torch.cat([stereo(0.009), stereo(0.011), 0 * stereo(1.0), stereo(10.0)])
    audible = Width().audible(x, RATE, width=at(1.0, 4))
    assert audible.tolist() == [False, True, False, True]
    assert Width(inaudible_db=-45).audible(x[:1], RATE, width=at(1.0)).all()
