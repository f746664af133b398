"""Tests of the gain."""

import torch

from ai_mixer.effects.gain import Gain, GainDb


def test_gain_multiplies_each_song():
    x = torch.tensor([[[0.5, -0.25]], [[0.5, -0.25]]])
    y = Gain()(x, 44_100, gain=torch.tensor([2.0, 0.5]))
    assert torch.equal(y, torch.tensor([[[1.0, -0.5]], [[0.25, -0.125]]]))


def test_gain_in_db_is_20_log10_of_the_ratio():
    x = torch.tensor([[[0.5, -0.25]], [[0.5, -0.25]]])
    y = GainDb()(x, 44_100, gain_db=torch.tensor([20.0, -40.0]))
    torch.testing.assert_close(y, torch.tensor([[[5.0, -2.5]], [[0.005, -0.0025]]]))
