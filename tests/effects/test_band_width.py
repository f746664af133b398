"""Tests of width by band and mono bass, against filters of scipy."""

import pytest
import torch
from scipy.signal import butter, sosfilt

from ai_mixer.dsp.filters import low_shelf
from ai_mixer.effects.band_width import BandWidth, MonoBass
from helpers.effects import music
from helpers.measures import residual_db
from helpers.signals import sine

RATE = 44_100


def widths(low, high):
    return {"low_width": torch.tensor([low]).double(), "high_width": torch.tensor([high]).double()}


def mid_side(x):
    return (x[0, 0] + x[0, 1]) / 2, (x[0, 0] - x[0, 1]) / 2


def test_equal_widths_scale_the_side_and_keep_the_mid():
    mid, side = mid_side(music())
    y_mid, y_side = mid_side(BandWidth()(music(), RATE, **widths(0.4, 0.4)))
    assert residual_db(y_mid, mid) <= -200
    assert residual_db(y_side, 0.4 * side) <= -140


def test_the_side_is_filtered_by_a_shelf_of_scipy():
    _, side = mid_side(music())
    _, y_side = mid_side(BandWidth(250.0)(music(), RATE, **widths(0.5, 2.0)))
    b, a = low_shelf(torch.tensor([-12.0412]).double(), 250.0, 1.0, RATE)
    want = 2.0 * sosfilt(torch.cat([b, a], dim=1).numpy(), side.numpy())
    assert residual_db(y_side, want) <= -90


@pytest.mark.parametrize(("frequency_hz", "width"), [(30.0, 0.25), (8000.0, 2.0)])
def test_each_width_acts_in_its_band(frequency_hz, width):
    tone = sine(frequency_hz, 1.0, RATE, level=0.2).double().reshape(1, 1, -1)
    y = BandWidth()(torch.cat([tone, -tone], dim=1), RATE, **widths(0.25, 2.0))
    power = y[..., RATE // 2 :].square().mean() / tone[..., RATE // 2 :].square().mean()
    assert float(power) == pytest.approx(width**2, rel=0.02)


@pytest.mark.parametrize("frequency_hz", [20.0, 150.0])
def test_mono_bass_is_a_butterworth_filter_of_the_side(frequency_hz):
    mid, side = mid_side(music())
    frequency = torch.tensor([frequency_hz]).double()
    y_mid, y_side = mid_side(MonoBass()(music(), RATE, frequency_hz=frequency))
    sos = butter(2, frequency_hz, "high", output="sos", fs=RATE)
    assert residual_db(y_side, sosfilt(sos, side.numpy())) <= -120
    assert residual_db(y_mid, mid) <= -200


@pytest.mark.parametrize("effect", [BandWidth(), MonoBass()])
def test_inaudible_without_a_side(effect):
    x = music(batch=2)
    x[1, 1] = x[1, 0]
    assert effect.audible(x, RATE).tolist() == [True, False]
    assert effect.audible(x[:, :1], RATE).tolist() == [False, False]


def test_frequencies_that_are_not_above_0_are_refused():
    with pytest.raises(ValueError, match="frequency_hz: needs a value above 0, got -1"):
        BandWidth(-1.0)
    with pytest.raises(ValueError, match="off_hz: needs a value above 0, got 0"):
        MonoBass(0.0)
