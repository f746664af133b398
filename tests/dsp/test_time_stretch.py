"""Tests of time stretching: identity, positions of events, channels, length, errors."""

import pytest
import torch

from ai_mixer.dsp.time_stretch import time_stretch
from helpers import signals

RATE = 44_100


@pytest.fixture
def noise():
    return signals.noise(2, RATE)


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_tempo_1_is_the_identity(noise, rate):
    torch.testing.assert_close(time_stretch(noise, 1.0, rate), noise, atol=1e-6, rtol=0)


def test_events_are_at_their_time_divided_by_the_tempo():
    """Within the search range of a grain."""
    audio = torch.zeros(2, RATE)
    audio[:, RATE // 2 :] = signals.noise(RATE // 2, seed=1, level=1.0)
    for tempo in (0.8, 0.95, 1.25):
        changed = time_stretch(audio, tempo, RATE)
        first = int(changed[0].abs().gt(0.1).nonzero()[0])
        assert abs(first / RATE - 0.5 / tempo) < 0.025


def test_channels_have_the_same_grains_even_in_opposite_phase(noise):
    opposite = torch.stack([noise[0], -noise[0]])
    changed = time_stretch(opposite, 0.9, RATE)
    assert torch.equal(changed[0], -changed[1])
    silence = torch.stack([noise[0], torch.zeros(RATE)])
    assert not time_stretch(silence, 0.9, RATE)[1].any()


def test_the_length_can_be_set(noise):
    assert time_stretch(noise, 1.1, RATE, 40_000).shape == (2, 40_000)
    assert time_stretch(noise[:, :500], 0.9, RATE).shape == (2, round(500 / 0.9))


def test_a_tempo_outside_the_range_is_an_error(noise):
    with pytest.raises(ValueError, match=r"tempo .*3"):
        time_stretch(noise, 3, RATE)
