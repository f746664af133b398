"""Tests of shelving filters."""

import numpy as np
import pytest
import torch
from scipy.signal import sosfilt

from ai_mixer.dsp.filters import low_shelf
from ai_mixer.effects.shelf import Shelf
from helpers.measures import residual_db
from helpers.signals import sine


def tone(frequency_hz, sample_rate=44_100):
    return sine(frequency_hz, 1.0, sample_rate, level=0.1).expand(2, 2, -1)


@pytest.mark.parametrize(
    ("kind", "inside_hz", "outside_hz"), [("low", 30, 9000), ("high", 15_000, 60)]
)
def test_the_gain_applies_on_one_side_of_the_corner(kind, inside_hz, outside_hz):
    shelf, gain_db = Shelf(kind, 1000.0), torch.tensor([6.0, -6.0], dtype=torch.float64)
    for frequency_hz, expected_db in ((inside_hz, gain_db), (outside_hz, torch.zeros(2))):
        x = tone(frequency_hz)
        y = shelf(x, 44_100, gain_db=gain_db)
        level_db = 10 * torch.log10(y[..., 22_050:].square().mean((1, 2)) / 0.005)
        torch.testing.assert_close(level_db, expected_db.double(), atol=0.05, rtol=0)


@pytest.mark.parametrize("sample_rate", [44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("gain_db", [12.0, -12.0])
def test_poles_near_the_unit_circle_equal_scipy_in_double(sample_rate, gain_db):
    """12 dB at 30 Hz, on brown noise with a DC offset; required: −80 dB."""
    rng = np.random.default_rng(0)
    rumble = np.cumsum(rng.standard_normal((2, 2 * sample_rate)), axis=1)
    x = (0.3 + 0.5 * rumble / abs(rumble).max()).astype(np.float32)
    gain = torch.tensor([gain_db])
    b, a = low_shelf(gain, 30.0, 1.0, sample_rate)
    want = sosfilt(np.concatenate([b.numpy(), a.numpy()], axis=1), x.astype(np.float64))
    got = Shelf("low", 30.0)(torch.from_numpy(x)[None], sample_rate, gain_db=gain)[0]
    assert residual_db(got, want) <= -130


def test_an_unknown_kind_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"kind: 'mid' .*\['high', 'low'\]"):
        Shelf("mid")
