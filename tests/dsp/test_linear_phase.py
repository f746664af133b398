"""Linear-phase filters of mid and side: identity, gain, blocks, length, mono."""

import math

import pytest
import torch

from ai_mixer.dsp.linear_phase import filter_mid_side, linear_phase_response
from ai_mixer.dsp.spectra import third_octave_centres
from helpers.measures import residual_db
from helpers.signals import noise

RATE = 44_100
CENTRES = third_octave_centres(RATE)


def responses(mid_db, side_db):
    gains = torch.stack([torch.as_tensor(mid_db), torch.as_tensor(side_db)]).double()
    return linear_phase_response(gains.expand(-1, len(CENTRES)), CENTRES, RATE)


def filtered(x, curve, size):
    return torch.cat(list(filter_mid_side(torch.split(x, size, -1), *curve)), -1)


@pytest.mark.parametrize("length", [100, 5000, 30_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_zero_db_returns_the_song(length, channels):
    x = noise(channels, length, seed=1)
    result = filtered(x, responses([0.0], [0.0]), 777)
    assert result.shape == x.shape
    assert residual_db(result, x) < -100


def test_the_result_does_not_depend_on_the_blocks():
    x, generator = noise(2, 30_000), torch.Generator().manual_seed(0)
    curve = responses(*torch.randn(2, len(CENTRES), generator=generator) * 6)
    assert residual_db(filtered(x, curve, 1000), filtered(x, curve, 30_000)) < -100


@pytest.mark.parametrize("half", ["mid", "side"])
def test_a_sine_has_the_gain_of_its_half_and_is_not_delayed(half):
    curve = responses(torch.linspace(-6, 6, len(CENTRES)), torch.linspace(8, -4, len(CENTRES)))
    band = 18
    sine = torch.sin(2 * math.pi * CENTRES[band] / RATE * torch.arange(40_000).double()).float()
    x = torch.stack([sine, sine if half == "mid" else -sine])
    step = band / (len(CENTRES) - 1)
    gain_db = -6 + 12 * step if half == "mid" else 8 - 12 * step
    middle = slice(10_000, 30_000)
    expected = 10 ** (gain_db / 20) * x
    assert residual_db(filtered(x, curve, 4096)[:, middle], expected[:, middle]) < -40
