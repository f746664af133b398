"""Tests of the delay bus: echoes, and equality with one filter of scipy."""

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicHermiteSpline
from scipy.signal import lfilter

from ai_mixer.effects.delay_bus import DelayBus
from helpers.effects import music, track_effects
from helpers.measures import residual_db, to_db
from helpers.signals import sine

RATE = 44_100


def knobs(time_ms, feedback=0.5, tone_hz=4000.0):
    values = {"time_ms": time_ms, "feedback": feedback, "tone_hz": tone_hz}
    return {name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()}


def weights_by_scipy(fraction):
    """Of the samples at −1, 0, 1, 2: a Hermite spline whose slopes are central differences."""
    rows = np.eye(4)
    slopes = (rows[:, 2:] - rows[:, :-2]) / 2
    return [
        float(CubicHermiteSpline([0, 1], row[1:3], slope)(fraction))
        for row, slope in zip(rows, slopes, strict=True)
    ]


@pytest.mark.parametrize("samples", [2.0, 2.4, 100.0, 731.25, 4410.9])
@pytest.mark.parametrize("feedback", [0.0, 0.7])
def test_it_equals_one_filter_of_scipy(samples, feedback):
    whole, x = int(samples), music()
    y = DelayBus()(x, RATE, **knobs(1000 * samples / RATE, feedback))
    pole = np.exp(-2 * np.pi * 4000.0 / RATE)
    b, a = np.zeros(whole + 3), np.zeros(whole + 3)
    b[whole - 1 :] = (1 - pole) * np.array(weights_by_scipy(samples - whole))
    a[0], a[1] = 1.0, -pole
    assert residual_db(y[0], lfilter(b, a - feedback * b, x[0].numpy())) <= -180


def test_echoes_come_at_multiples_of_the_time_and_fall_by_the_feedback():
    impulse = torch.zeros(1, 1, RATE, dtype=torch.float64)
    impulse[..., 0] = 1.0
    y = DelayBus()(impulse, RATE, **knobs(200.0, 0.5, 1e6))[0, 0]
    at = torch.arange(1, 5) * round(0.2 * RATE)
    torch.testing.assert_close(y[at], 0.5 ** torch.arange(4, dtype=torch.float64))
    y[at] = 0.0
    assert y.abs().max() < 1e-9


def test_each_echo_is_darker_than_the_one_before():
    length = RATE // 5
    x = torch.cat([music(channels=1, seconds=0.1), torch.zeros(1, 1, RATE)], dim=-1)
    y = DelayBus()(x, RATE, **knobs(200.0, 0.9, 2000.0))[0, 0]
    power = [np.abs(np.fft.rfft(y[n * length :][:length].numpy())) ** 2 for n in (1, 2, 3)]
    shares = [p[len(p) // 3 :].sum() / p.sum() for p in power]
    assert shares[0] > 10 * shares[1] > 100 * shares[2]


@pytest.mark.parametrize(("time_ms", "limit_ms"), [(900.0, 300.0), (0.001, 2000 / RATE)])
def test_times_out_of_range_are_set_to_the_limits(time_ms, limit_ms):
    x = music()
    got, want = (DelayBus(300.0)(x, RATE, **knobs(ms)) for ms in (time_ms, limit_ms))
    assert residual_db(got, want) <= -200


def test_a_longest_time_that_is_not_above_0_is_refused():
    with pytest.raises(ValueError, match="max_time_ms: needs a value above 0, got -1"):
        DelayBus(-1.0)


def test_a_change_of_the_time_does_not_change_the_pitch():
    """A tape would play faster; here the tone stays at its frequency."""
    console = track_effects().select([False, True, False])[0]
    stream, tone = console.stream(RATE, 4410, limit=False), sine(1000.0, 3.0, RATE).expand(2, -1)
    times = [300.0] * 15 + [500.0] * 15
    blocks = [
        stream(block, console.knobs_from({"time_ms": ms, "feedback": 0.0})[0])
        for ms, block in zip(times, tone.split(4410, dim=-1), strict=True)
    ]
    y = torch.cat(blocks, dim=-1)[0, 14 * 4410 : 18 * 4410].double()
    power = (torch.fft.rfft(y * torch.hann_window(len(y), dtype=torch.float64)).abs() ** 2).numpy()
    frequencies = np.fft.rfftfreq(len(y), 1 / RATE)
    off = np.abs(frequencies - 1000.0) > 50.0
    assert to_db(np.sqrt(power[off].sum() / power.sum())) < -50
