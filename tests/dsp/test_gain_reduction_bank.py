"""Needles against the compressor itself, sample by sample."""

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
def test_a_needle_is_the_mean_of_the_compressors_own_gain(number):
    audio = noise(2, 2, 1000, level=0.3)
    track = -compressor_gain_db(
        audio, torch.ones(2), torch.tensor(POLES, dtype=torch.float64), CURVES[number]
    )
    read = mean_gain_reductions_db(audio, CURVES, POLES, HOP, 11)[:, number]
    inner = track[:, HOP // 2 : -HOP // 2].unflatten(1, (-1, HOP)).mean(-1)
    torch.testing.assert_close(read[:, 1:-1].double(), inner, atol=1e-5, rtol=0)
    torch.testing.assert_close(read[:, 0].double(), track[:, : HOP // 2].mean(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        read[:, -1].double(), track[:, -HOP // 2 :].mean(1), atol=1e-5, rtol=0
    )


def test_beyond_the_end_and_in_silence_it_rests():
    assert (
        mean_gain_reductions_db(noise(2, 2, 1050, level=0.3), CURVES, POLES, HOP, 20)[..., 12:] == 0
    ).all()
    assert (mean_gain_reductions_db(torch.zeros(1, 2, 500), CURVES, POLES, HOP, 6) == 0).all()


def test_a_song_of_a_batch_reads_as_alone():
    audio = noise(3, 2, 1050, level=0.3)
    together = mean_gain_reductions_db(audio, CURVES, POLES, HOP, 11)
    alone = mean_gain_reductions_db(audio[1:2], CURVES, POLES, HOP, 11)
    assert together[1:2].equal(alone)


def test_the_cap_holds_and_a_lower_threshold_takes_away_more():
    curves = [StaticCurve(threshold, 6.0, 9.0) for threshold in (-40.0, -30.0, -20.0)]
    read = mean_gain_reductions_db(noise(2, 2, 1050, level=0.3), curves, POLES, HOP, 11)
    assert read.max() <= 9.0
    assert (read.diff(dim=1) <= 1e-6).all()
