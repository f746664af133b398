"""Another tempo: the identity at 1, the places of things, what is refused."""

import numpy as np
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


def test_things_are_where_the_tempo_puts_them():
    """A noise burst that begins at 0.5 s begins at 0.5 s / tempo, give or take a grain's reach."""
    audio = torch.zeros(2, RATE)
    audio[:, RATE // 2 :] = torch.from_numpy(np.random.default_rng(1).normal(size=RATE // 2))
    for tempo in (0.8, 0.95, 1.25):
        changed = time_stretch(audio, tempo, RATE)
        first = int(changed[0].abs().gt(0.1).nonzero()[0])
        assert abs(first / RATE - 0.5 / tempo) < 0.025


def test_channels_move_together_even_in_opposite_phase(noise):
    opposite = torch.stack([noise[0], -noise[0]])
    changed = time_stretch(opposite, 0.9, RATE)
    assert torch.equal(changed[0], -changed[1])
    silence = torch.stack([noise[0], torch.zeros(RATE)])
    assert not time_stretch(silence, 0.9, RATE)[1].any()


def test_a_length_may_be_asked_for(noise):
    assert time_stretch(noise, 1.1, RATE, 40_000).shape == (2, 40_000)
    assert time_stretch(noise[:, :500], 0.9, RATE).shape == (2, round(500 / 0.9))


def test_nonsense_is_named(noise):
    with pytest.raises(ValueError, match=r"tempo must be 0\.5–2, got 3"):
        time_stretch(noise, 3, RATE)
