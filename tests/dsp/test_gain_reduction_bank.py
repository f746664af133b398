"""Tests of the gain reduction bank: equality with the gain of the compressor."""

import math

import pytest
import torch

from ai_mixer.dsp.compressor import StaticCurve, compressor_gain_db
from ai_mixer.dsp.gain_reduction_bank import mean_gain_reductions_db
from helpers.signals import noise

HOP = 100
POLES = (math.exp(-1 / 441), math.exp(-1 / 4410))
CURVES = (StaticCurve(-30.0, 6.0, 36.0), StaticCurve(-12.0, 6.0, 9.0))


@pytest.mark.parametrize("number", range(len(CURVES)))
def test_frames_are_means_of_the_compressor_gain(number):
    audio, poles = noise(2, 2, 1000, level=0.3), torch.tensor(POLES, dtype=torch.float64)
    reduction = -compressor_gain_db(audio, torch.ones(2), poles, CURVES[number])
    means = mean_gain_reductions_db(audio, CURVES, POLES, HOP, 11)[:, number].double()
    half = HOP // 2
    expected = [
        reduction[:, :half].mean(1, keepdim=True),
        reduction[:, half:-half].unflatten(1, (-1, HOP)).mean(-1),
        reduction[:, -half:].mean(1, keepdim=True),
    ]
    torch.testing.assert_close(means, torch.cat(expected, 1), atol=1e-5, rtol=0)


def test_zero_after_the_end_and_for_silence():
    audio = noise(2, 2, 1050, level=0.3)
    assert not mean_gain_reductions_db(audio, CURVES, POLES, HOP, 20)[..., 12:].any()
    assert not mean_gain_reductions_db(torch.zeros(1, 2, 500), CURVES, POLES, HOP, 6).any()


def test_item_of_a_batch_equals_the_item_alone():
    audio = noise(3, 2, 1050, level=0.3)
    together = mean_gain_reductions_db(audio, CURVES, POLES, HOP, 11)
    alone = mean_gain_reductions_db(audio[1:2], CURVES, POLES, HOP, 11)
    assert together[1:2].equal(alone)


def test_the_reduction_is_capped_and_decreases_with_the_threshold():
    curves = [StaticCurve(threshold, 6.0, 9.0) for threshold in (-40.0, -30.0, -20.0)]
    means = mean_gain_reductions_db(noise(2, 2, 1050, level=0.3), curves, POLES, HOP, 11)
    assert means.max() <= 9.0
    assert (means.diff(dim=1) <= 1e-6).all()
