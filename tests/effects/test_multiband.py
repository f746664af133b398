"""Tests of the compressor in three bands."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfilt

from ai_mixer.dsp.crossover import Butterworth
from ai_mixer.effects.dynamics import Dynamics
from ai_mixer.effects.multiband import BANDS, Multiband
from helpers.compressor import compress_in_a_loop
from helpers.effects import music
from helpers.measures import residual_db
from helpers.signals import sine

RATE = 44_100


def knobs_of(thresholds_db, ratios, batch=1):
    pairs = zip(BANDS, thresholds_db, ratios, strict=True)
    values = {f"{b}_{n}": v for b, t, r in pairs for n, v in (("threshold_db", t), ("ratio", r))}
    return {name: torch.full((batch,), value).double() for name, value in values.items()}


def magnitude_db(signal):
    return 20 * np.log10(np.abs(np.fft.rfft(signal.numpy())).clip(1e-12))


def click():
    x = torch.zeros(1, 1, 1 << 15, dtype=torch.float64)
    x[..., 0] = 1.0
    return x


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_bands_are_linkwitz_riley_filters_of_scipy(rate):
    x = music(rate=rate)
    bands = Multiband().bands(x, rate)
    kinds = [[("low", 160)], [("high", 160), ("low", 2500)], [("high", 160), ("high", 2500)]]
    for band, filters in zip(bands, kinds, strict=True):
        want = x[0].numpy()
        for kind, frequency_hz in 2 * filters:
            want = sosfilt(butter(2, frequency_hz, kind, output="sos", fs=rate), want)
        assert residual_db(band[0], want) <= -120


@pytest.mark.parametrize("frequency_hz", [160.0, 2500.0])
def test_both_branches_of_a_crossover_sum_to_an_all_pass(frequency_hz):
    low, high = Butterworth(frequency_hz, RATE).split(click())
    assert np.abs(magnitude_db((low + high)[0, 0])).max() < 1e-6
    at = round(frequency_hz / RATE * (1 << 15))
    assert abs(magnitude_db(low[0, 0])[at] + 6.02) < 0.1


@pytest.mark.parametrize("gain", [0.25, 0.7, 1.0])
def test_shelves_are_monotonic(gain):
    crossover, constant = Butterworth(400.0, RATE), torch.full((1, 1, 1), gain).double()
    low = magnitude_db(crossover.low_shelf(click(), constant)[0, 0])
    high = magnitude_db(crossover.high_shelf(click(), constant)[0, 0])
    level_db = 20 * math.log10(gain)
    for response, ends in ((low, [level_db, 0.0]), (high[::-1], [level_db, 0.0])):
        np.testing.assert_allclose(response[[0, -1]], ends, atol=1e-3)
        assert np.diff(response).min() >= -1e-6


def test_equal_gains_of_all_bands_change_the_level_only(monkeypatch):
    gain_db = torch.linspace(-20, 0, 22_050).double()[None]
    monkeypatch.setattr(Multiband, "gains_db", lambda *_, **__: [gain_db] * 3)
    x = music(rate=RATE)
    assert residual_db(Multiband()(x, RATE), x * 10 ** (gain_db / 20)) <= -250


def test_it_equals_scipy_and_loops():
    x = music(seconds=0.3)
    got = Multiband()(x, RATE, **knobs_of([-40, -30, -35], [3.0, 1.5, 2.0]))
    settings = zip([-40, -30, -35], [3, 1.5, 2], [30, 15, 5], [250, 150, 80], strict=True)
    gains = []
    bands = (band[0].numpy() for band in Multiband().bands(x, RATE))
    for band, (threshold, ratio, attack, release) in zip(bands, settings, strict=True):
        times = {"attack_ms": attack, "release_ms": release}
        y = compress_in_a_loop(
            band, RATE, 0.0, threshold_db=threshold, ratio=ratio, knee_db=6, **times
        )
        gains.append(np.median(y / band, axis=0))
    low, mid, high = gains
    want = x[0].numpy()
    for frequency_hz, kind, gain in ((160, "low", low / mid), (2500, "high", high / mid)):
        part = sosfilt(butter(2, frequency_hz, kind, output="sos", fs=RATE), want)
        other = "high" if kind == "low" else "low"
        rest = sosfilt(butter(2, frequency_hz, other, output="sos", fs=RATE), want)
        want = gain * part + np.sqrt(gain) * (want - part - rest) + rest
    assert residual_db(got[0], want * mid) <= -110


@pytest.mark.parametrize(("band", "frequency_hz"), [(0, 50.0), (1, 700.0), (2, 9000.0)])
def test_a_band_reduces_its_own_tones_by_its_ratio(band, frequency_hz):
    x = sine(frequency_hz, 2.0, RATE, level=0.5).double().reshape(1, 1, -1)
    ratios = [2.0 if number == band else 1.0 for number in range(3)]
    y = Multiband()(x, RATE, **knobs_of([-30.0] * 3, ratios))
    others = Multiband()(x, RATE, **knobs_of([-30.0] * 3, [3.0 - ratio for ratio in ratios]))
    settings = {"threshold_db": -30.0, "ratio": 2.0, "knee_db": 6.0, "makeup_db": 0.0}
    settings |= {"attack_ms": [30.0, 15.0, 5.0][band], "release_ms": [250.0, 150.0, 80.0][band]}
    alone = Dynamics()(x, RATE, **{n: torch.tensor([v]).double() for n, v in settings.items()})
    level_db, wanted_db, unchanged_db, leak_db = (
        10 * math.log10(float(signal[..., -RATE:].square().mean()))
        for signal in (y, alone, x, others)
    )
    assert unchanged_db - wanted_db > 10
    assert abs(level_db - wanted_db) < 0.7
    assert abs(leak_db - unchanged_db) < 0.7


def test_crossovers_out_of_order_are_refused():
    with pytest.raises(ValueError, match="crossovers_hz in order"):
        Multiband(crossovers_hz=(3000.0, 200.0))
