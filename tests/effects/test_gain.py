"""Tests of the gain."""

import torch

from ai_mixer.effects.gain import Gain


def test_gain_multiplies_each_song():
    x = torch.tensor([[[0.5, -0.25]], [[0.5, -0.25]]])
    y = Gain()(x, 44_100, gain=torch.tensor([2.0, 0.5]))
    assert torch.equal(y, torch.tensor([[[1.0, -0.5]], [[0.25, -0.125]]]))
