"""Tests of the dynamics loss: sensitive to compression, not to level."""

import pytest
import torch

from ai_mixer.dsp.levels import crest_db
from ai_mixer.losses.dynamics import DynamicsLoss


def db(mix, finished, make_batch):
    return DynamicsLoss()(None, mix, make_batch(finished)).item()


def test_loss_increases_with_saturation(music, make_batch):
    finished = music()
    values = [
        db(torch.tanh(drive * finished) / drive, finished, make_batch)
        for drive in (0.01, 1.0, 3.0, 10.0)
    ]
    assert values == sorted(values)
    assert values[0] < 0.01
    assert values[-1] > 3


@pytest.mark.parametrize("gain", [0.25, -1.0, 2.0])
def test_insensitive_to_gain_and_polarity(music, make_batch, gain):
    finished = music()
    assert db(gain * finished, finished, make_batch) == pytest.approx(0.0, abs=1e-6)


def test_the_loudness_range_counts(music, make_batch):
    """A gain on the quiet half reduces the range by its decibels."""
    finished = music(8.0)
    fader = torch.where(torch.arange(finished.shape[-1]) < 64000, 1.0, 2.0).double()
    raised = db(fader * finished, finished, make_batch)
    crest = (crest_db(fader * finished) - crest_db(finished)).abs().mean().item()
    assert raised - crest == pytest.approx(6.02, abs=1.0)


def test_short_excerpts_use_the_crest_factor_only(music, make_batch):
    finished, mix = music(1.0), torch.tanh(10 * music(1.0))
    expected = (crest_db(mix) - crest_db(finished)).abs().mean().item()
    assert db(mix, finished, make_batch) == pytest.approx(expected)
