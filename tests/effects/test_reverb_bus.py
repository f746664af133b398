"""Tests of the reverb bus: decay times, level, and equality with a network in numpy."""

import numpy as np
import pytest
import torch
from scipy.linalg import hadamard
from scipy.signal import butter, sosfilt, sosfiltfilt

from ai_mixer.dsp.delay_formulas import LINE_S
from ai_mixer.effects.reverb_bus import ReverbBus
from helpers.effects import music
from helpers.measures import residual_db, to_db
from helpers.signals import noise

RATE = 44_100
OPEN_HZ = 16_000.0  # damping without influence on the middle of the spectrum


def knobs(decay_s=1.5, predelay_ms=20.0, damping_hz=5000.0):
    values = {"decay_s": decay_s, "predelay_ms": predelay_ms, "damping_hz": damping_hz}
    return {name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()}


def impulse_response(rate, seconds, **values):
    """Of the left input to both outputs, [2, T]."""
    impulse = torch.zeros(1, 2, round(seconds * rate), dtype=torch.float64)
    impulse[0, 0, 0] = 1.0
    return ReverbBus()(impulse, rate, **knobs(**values))[0].numpy()


def decay_time_s(response, rate, centre_hz):
    """T30 in an octave by Schroeder's backward integration (ISO 3382-1)."""
    edges = [centre_hz / 2**0.5, centre_hz * 2**0.5]
    band = sosfiltfilt(butter(4, edges, "bandpass", fs=rate, output="sos"), response)
    energy = np.cumsum((band**2).sum(0)[::-1])[::-1]
    level = 10 * np.log10(energy / energy[0])
    inside = (level <= -5) & (level >= -35)
    slope = np.polyfit(np.arange(len(level))[inside] / rate, level[inside], 1)[0]
    return -60 / slope


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("decay_s", [0.3, 1.0, 3.0])
def test_the_decay_time_is_within_10_percent(decay_s, rate):
    h = impulse_response(rate, 1.2 * decay_s + 0.2, decay_s=decay_s, damping_hz=OPEN_HZ)
    assert decay_time_s(h, rate, 500.0) == pytest.approx(decay_s, rel=0.1)


@pytest.mark.parametrize("damping_hz", [1000.0, 4000.0])
def test_at_the_damping_frequency_the_decay_time_is_half(damping_hz):
    h = impulse_response(RATE, 3.0, decay_s=2.0, damping_hz=damping_hz)
    assert decay_time_s(h, RATE, damping_hz) == pytest.approx(1.0, rel=0.15)
    assert decay_time_s(h, RATE, 125.0) == pytest.approx(2.0, rel=0.1)


def network_in_numpy(x, rate, decay_s, damping_hz):
    """Sample by sample, without pre-delay; the pole is a root found by numpy."""
    lengths = np.array([int(line * rate + 0.5) for line in LINE_S])
    gain = 10 ** (-3 * lengths / rate / decay_s)
    omega = 2 * np.pi * damping_hz / rate
    poles = []
    for power in gain**2:  # (1 − p)² / |1 − p e^(−iω)|² = power
        roots = np.roots([1 - power, -2 + 2 * power * np.cos(omega), 1 - power])
        poles.append(roots[np.abs(roots) < 1].real[0])
    count, poles = len(LINE_S), np.array(poles)
    matrix = np.roll(hadamard(count), 1, axis=0) / count**0.5
    level = np.sqrt((1 / np.mean(gain**2) - 1) * 2 / count)
    u, s, y = np.zeros((x.shape[1], count)), np.zeros(count), np.zeros_like(x)
    for n in range(x.shape[1]):
        past = np.where(n >= lengths, u[n - lengths, np.arange(count)], 0.0)
        s = poles * s + gain * (1 - poles) * past
        u[n] = matrix @ s + level * np.tile(x[:, n], count // 2)
        y[:, n] = s[::2].sum(), s[1::2].sum()
    return y


def test_it_equals_a_network_in_numpy():
    rate, x = 8000, music(rate=8000)
    y = ReverbBus()(x, rate, **knobs(0.8, 0.0, 2000.0))[0].numpy()
    want = network_in_numpy(x[0].numpy(), rate, 0.8, 2000.0)
    assert residual_db(y[:, 2:], want[:, :-2]) <= -200  # two samples for the interpolation


@pytest.mark.parametrize("predelay_ms", [0.0, 37.5])
def test_the_sound_starts_after_pre_delay_and_shortest_line(predelay_ms):
    h = np.abs(impulse_response(RATE, 0.3, predelay_ms=predelay_ms)).sum(0)
    start = 1000 * np.argmax(h > 1e-3 * h.max()) / RATE
    assert start == pytest.approx(predelay_ms + 1000 * LINE_S[0], abs=0.1)


@pytest.mark.parametrize("decay_s", [0.3, 1.0, 3.0, 6.0])
def test_the_level_of_noise_is_kept_for_any_decay(decay_s):
    x, late = noise(1, 2, seconds=10.0, dtype=torch.float64), 6 * RATE
    y = ReverbBus()(x, RATE, **knobs(decay_s, damping_hz=1e9))[..., late:]
    assert to_db(y.std() / x.std()) == pytest.approx(0.0, abs=1.0)


def test_the_channels_are_decorrelated():
    h = impulse_response(RATE, 2.0)
    assert abs(np.corrcoef(h[:, 5000:])[0, 1]) < 0.1
    left, right = (h[:, 5000:] ** 2).sum(1)
    assert 10 * np.log10(left / right) == pytest.approx(0.0, abs=1.0)


def test_one_channel_gives_the_left_output_for_the_same_signal_on_both():
    x = music(channels=1)
    left, _ = ReverbBus()(x.expand(1, 2, -1), RATE, **knobs())[0]
    assert residual_db(ReverbBus()(x, RATE, **knobs())[0, 0], left) <= -200


def test_the_echoes_are_dense_after_a_tenth_of_a_second():
    """Share of samples within one standard deviation: 0.68 for noise (Abel & Huang 2006)."""
    h = impulse_response(RATE, 1.0, predelay_ms=0.0, damping_hz=OPEN_HZ).sum(0)
    after_100_ms = h[RATE // 10 :][: RATE // 20]
    assert np.mean(np.abs(after_100_ms) > after_100_ms.std()) > 0.1
    later = h[RATE // 4 :][: RATE // 20]
    assert np.mean(np.abs(later) > later.std()) > 0.25


def test_a_pre_delay_above_the_longest_one_is_set_to_it():
    x = music()
    longest, above = (ReverbBus(50.0)(x, RATE, **knobs(predelay_ms=ms)) for ms in (50.0, 80.0))
    assert residual_db(above, longest) <= -200
    with pytest.raises(ValueError, match="max_predelay_ms: needs a value above 0, got 0"):
        ReverbBus(0.0)


def test_low_frequencies_do_not_build_up():
    """The gain to a tone that lasts is bounded by the energy of the response."""
    h = impulse_response(RATE, 6.0, decay_s=3.0)
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(h, axis=1)).max())
    assert gain_db < 20.0
    assert sosfilt(butter(2, 30.0, fs=RATE, output="sos"), h).std() < h.std()
