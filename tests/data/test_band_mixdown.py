"""Effects of the band's mix, compared with theory and an independent loudness meter."""

import numpy as np
import pyloudnorm
import pytest

from ai_mixer.data.band import dsp
from ai_mixer.data.band.composer_style import draw_composer_style
from ai_mixer.data.band.conventions import CONVENTIONS
from ai_mixer.data.band.genres import GENRE_TABLE
from ai_mixer.data.band.mixdown import mix_stems

RATE = 44100


def tone(hertz: float, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    x = level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)
    return np.stack([x, x])


def gain_db(y: np.ndarray, x: np.ndarray) -> float:
    half = x.shape[1] // 2
    return float(20 * np.log10(y[:, half:].std() / x[:, half:].std()))


@pytest.mark.parametrize("bell_db", [-6.0, 3.0])
def test_bell_has_its_gain_at_its_frequency_only(bell_db: float) -> None:
    for hertz, expected in ((1000.0, bell_db), (60.0, 0.0), (12000.0, 0.0)):
        y = dsp.equalise(tone(hertz), RATE, 5.0, [(1000.0, bell_db, 1.0)])
        assert gain_db(y, tone(hertz)) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 192000])
def test_every_equaliser_is_stable_at_any_rate(rate: int) -> None:
    """A resonance as wide as the band up to Nyquist would be unstable, at 16 and 22.05 kHz."""
    impulse = np.zeros((2, rate))
    impulse[:, 0] = 1.0
    for convention in CONVENTIONS.values():
        for strip in convention.strips.values():
            response = dsp.equalise(impulse, rate, strip.high_pass_hz, strip.bells)
            assert abs(response[:, rate // 2 :]).max() < 1e-6


def test_compressor_reduces_by_its_slope() -> None:
    """Threshold 10 dB below the loud half: ratio 2 reduces it by 5 dB, and −20 dB by nothing."""
    x = tone(1000.0, 2.0) * np.repeat([1.0, 0.1], RATE)
    y = dsp.compress(x, RATE, 10.0, 0.5, 5.0, 50.0)
    loud, soft = slice(RATE // 2, RATE), slice(3 * RATE // 2, 2 * RATE)
    assert 20 * np.log10(y[:, loud].std() / x[:, loud].std()) == pytest.approx(-5.0, abs=0.3)
    assert 20 * np.log10(y[:, soft].std() / x[:, soft].std()) == pytest.approx(0.0, abs=0.3)


def test_limiter_keeps_true_peaks_below_the_ceiling() -> None:
    x = 4.0 * np.random.default_rng(0).standard_normal((2, RATE)).clip(-3, 3)
    y = dsp.limit(x, dsp.inter_sample_peaks(x), RATE, 0.8)
    assert dsp.inter_sample_peaks(y).max() < 0.8 * 1.03
    quiet = 0.1 * x / np.abs(x).max()
    np.testing.assert_array_equal(dsp.limit(quiet, dsp.inter_sample_peaks(quiet), RATE, 0.8), quiet)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_loudness_agrees_with_pyloudnorm(rate: int) -> None:
    rng = np.random.default_rng(1)
    x = 0.1 * rng.standard_normal((2, 5 * rate)) * np.linspace(0.01, 1.0, 5 * rate)
    expected = pyloudnorm.Meter(rate).integrated_loudness(x.T)
    assert dsp.loudness_lufs(x, rate) == pytest.approx(expected, abs=0.1)


def test_loudness_of_silence_is_minus_120() -> None:
    assert dsp.loudness_lufs(np.zeros((2, RATE)), RATE) == -120.0


def test_reverb_has_its_predelay_and_decay() -> None:
    h = dsp.reverb_impulse_response(np.random.default_rng(0), RATE, 1.5, 20.0, 0.5)
    np.testing.assert_allclose(np.square(h).sum(axis=1), 1.0)
    assert not h[:, : int(0.019 * RATE)].any()
    tail = [np.square(h[:, int(t * RATE) : int((t + 0.1) * RATE)]).sum() for t in (0.4, 0.9)]
    assert 10 * np.log10(tail[0] / tail[1]) == pytest.approx(20.0, abs=3.0)


def test_delay_repeats_after_its_time() -> None:
    x = np.zeros((2, RATE))
    x[:, 0] = 1.0
    y = dsp.delay(x, RATE, 0.25, 6.0, 5000.0)
    assert not y[:, : int(0.25 * RATE)].any()
    assert np.abs(y).max(0).argmax() == pytest.approx(0.25 * RATE, abs=20)
    assert np.abs(y[0, : RATE // 2]).max() > np.abs(y[1, : RATE // 2]).max()  # left first


def test_every_genre_has_a_mixing_convention() -> None:
    assert list(CONVENTIONS) == list(GENRE_TABLE)
    for convention in CONVENTIONS.values():
        assert set(convention.strips) == {"drums", "bass", "vocals", "other"}


def test_mix_of_silent_stems_is_silent() -> None:
    stems = {name: np.zeros((2, RATE)) for name in ("drums", "bass", "vocals", "other")}
    style = draw_composer_style(0, "rock", 0)
    mixdown = mix_stems(stems, RATE, "rock", style, 120.0, np.random.default_rng(0))
    assert not mixdown.dry.any()
    assert not mixdown.finished.any()


def test_doubler_adds_side_and_keeps_the_mono_sum() -> None:
    x = tone(1000.0)
    y = dsp.doubler(x, RATE, -6.0)
    np.testing.assert_allclose(y.sum(0), x.sum(0), atol=1e-12)
    assert 20 * np.log10((y[0] - y[1]).std() / y.sum(0).std()) == pytest.approx(-6.0, abs=0.5)
