"""Tests of the parametric equaliser."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import bilinear, freqz, lfilter

from ai_mixer.effects.parametric import ParametricPeak, ParametricShelf
from helpers.effects import music
from helpers.measures import residual_db

VALUES = {"frequency_hz": [60.0, 900.0, 5000.0], "gain_db": [-6.0, 4.5, 6.0], "q": [0.4, 1.3, 3.0]}


def analogue_peak(gain_db, q):
    """Numerator and denominator in s, centre at 1 rad/s."""
    amplitude = 10 ** (gain_db / 40)
    return [1, amplitude / q, 1], [1, 1 / (amplitude * q), 1]


def analogue_low_shelf(gain_db):
    amplitude, root = 10 ** (gain_db / 40), 2**0.5 * 10 ** (gain_db / 80)
    return (
        [amplitude, amplitude * root, amplitude * amplitude],
        [amplitude, root, 1],
    )


def filter_by_scipy(x, prototype, frequency_hz, sample_rate):
    """The bilinear transform, exact at the frequency."""
    warped = 2 * sample_rate * math.tan(math.pi * frequency_hz / sample_rate)
    b, a = (np.array(p) * warped ** -np.arange(2.0, -1, -1) for p in prototype)
    return lfilter(*bilinear(b, a, sample_rate), x)


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_a_band_equals_the_bilinear_transform_of_the_analogue_one(rate):
    x = music(batch=3, rate=rate)
    frequency = [min(f, 0.4 * rate) for f in VALUES["frequency_hz"]]
    values = VALUES | {"frequency_hz": frequency}
    y = ParametricPeak()(
        x, rate, **{name: torch.tensor(v, dtype=torch.float64) for name, v in values.items()}
    )
    for song, (f, gain, q) in enumerate(
        zip(frequency, VALUES["gain_db"], VALUES["q"], strict=True)
    ):
        want = filter_by_scipy(x[song].numpy(), analogue_peak(gain, q), f, rate)
        assert residual_db(y[song], want) <= -130


@pytest.mark.parametrize("gain_db", [-6.0, 6.0])
def test_a_shelf_equals_the_bilinear_transform_of_the_analogue_one(gain_db):
    x, rate = music(), 44_100
    values = {"frequency_hz": torch.tensor([90.0]), "gain_db": torch.tensor([gain_db])}
    want = filter_by_scipy(x[0].numpy(), analogue_low_shelf(gain_db), 90.0, rate)
    assert residual_db(ParametricShelf("low")(x, rate, **values)[0], want) <= -120


def test_a_high_shelf_has_its_gain_above_and_half_of_it_at_the_frequency():
    click, rate = torch.zeros(1, 1, 8192, dtype=torch.float64), 44_100
    click[..., 0] = 1.0
    values = {"frequency_hz": torch.tensor([5000.0]), "gain_db": torch.tensor([4.0])}
    response = ParametricShelf("high")(click, rate, **values)[0, 0].numpy()
    _, h = freqz(response, worN=[50, 5000, 20_000], fs=rate)
    np.testing.assert_allclose(20 * np.log10(abs(h)), [0, 2, 4], atol=0.02)


def test_frequency_and_q_are_inaudible_without_gain():
    gain = torch.tensor([0.0, 0.2, -3.0])
    values = {"frequency_hz": torch.full((3,), 1000.0), "gain_db": gain}
    shelf = ParametricShelf().audible_knobs(music(batch=3), 44_100, **values)
    peak = ParametricPeak().audible_knobs(music(batch=3), 44_100, **values, q=torch.ones(3))
    for audible in (shelf["frequency_hz"], peak["frequency_hz"], peak["q"]):
        assert audible.tolist() == [False, False, True]
    assert shelf["gain_db"].all()
    assert peak["gain_db"].all()


def test_an_unknown_kind_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"kind: 'mid' .*\['high', 'low'\]"):
        ParametricShelf("mid")
