"""Tests of levels with signals of known levels."""

import pytest
import torch

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.levels import crest_db, peak_db, rms_db, width_db
from helpers import signals


@pytest.fixture
def sine():
    return signals.sine(100, rate=8000, phase=0.1).repeat(1, 2, 1)


def test_levels_of_sine_and_square_wave(sine):
    assert rms_db(sine).item() == pytest.approx(-3.0103, abs=1e-3)
    assert crest_db(sine).item() == pytest.approx(3.0103, abs=0.01)
    assert crest_db(sine.sign()).item() == pytest.approx(0.0, abs=1e-9)
    assert peak_db(0.5 * sine.sign()).item() == pytest.approx(-6.0206, abs=1e-3)


def test_crest_factor_is_independent_of_gain_and_polarity():
    noise = signals.noise(3, 2, 4000, dtype=torch.float64)
    for gain in (0.1, -1.0, 3.0):
        assert torch.allclose(crest_db(gain * noise), crest_db(noise))


@pytest.mark.parametrize("width", [-20.0, 0.0, 12.0])
def test_width_is_side_over_mid(width):
    mid, side = torch.randn(2, 2, 200_000, dtype=torch.float64)
    side = side * (mid.square().mean() / side.square().mean()).sqrt() * 10 ** (width / 20)
    x = torch.stack([mid + side, mid - side], 1)
    assert width_db(x).tolist() == pytest.approx([width] * 2, abs=0.1)
    assert torch.equal(width_db(x.flip(1)), width_db(x))


def test_width_of_mono_and_of_opposite_phase(sine):
    assert width_db(sine).item() == pytest.approx(-60)
    assert width_db(sine[:, :1]).item() == pytest.approx(-60)
    assert width_db(sine * torch.tensor([[1.0], [-1.0]])).item() == pytest.approx(60)


def test_silence_is_finite_and_has_no_gradient():
    x = torch.zeros(2, 2, 1000, requires_grad=True)
    assert rms_db(x).tolist() == peak_db(x).tolist() == pytest.approx([SILENCE_DB] * 2)
    assert crest_db(x).tolist() == pytest.approx([0.0] * 2)
    (rms_db(x) + crest_db(x) + width_db(x)).sum().backward()
    assert x.grad.abs().max() == 0


@pytest.mark.parametrize("measure", [rms_db, peak_db, crest_db, width_db])
def test_batch_items_and_gradients(measure):
    x = torch.randn(3, 2, 64, dtype=torch.float64, requires_grad=True)
    alone = torch.cat([measure(item[None]) for item in x])
    assert torch.equal(measure(x), alone)
    assert torch.autograd.gradcheck(measure, x)
