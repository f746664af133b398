"""Scores: 1 at identity, always 0–1, falling with the disturbance each one measures."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfilt, stft

from ai_mixer.dsp.spectra import BAND_EDGE_RATIO, THIRD_OCTAVE_CENTRES_HZ
from ai_mixer.metrics.scores import scores

RATE = 44100
NAMES = ("balance", "dynamics", "clarity", "overall", "transients")
WIDE_BANDS = [hz for hz in THIRD_OCTAVE_CENTRES_HZ if hz > 300]  # wider than several FFT bins


def music(songs=1, seconds=3.0, seed=0, channels=2):
    """Decaying hits over quieter noise, different left and right."""
    time = torch.arange(round(seconds * RATE)) / RATE
    noise = torch.randn(songs, channels, len(time), generator=torch.Generator().manual_seed(seed))
    return 0.2 * noise * (torch.exp(-(time % 0.4) / 0.06) + 0.01)


def filtered(x, order, hz, kind="low"):
    return torch.from_numpy(sosfilt(butter(order, hz, kind, fs=RATE, output="sos"), x)).float()


def add_reverb(x, wet):
    """x with a reverb add_reverb of half a second."""
    length = RATE // 2
    decay = torch.exp(-torch.arange(length) / (RATE / 7))
    room = torch.randn(length, generator=torch.Generator().manual_seed(9)) * decay
    size = x.shape[-1] + length
    both = torch.fft.rfft(x, size) * torch.fft.rfft(room / room.square().sum().sqrt(), size)
    return x + wet * torch.fft.irfft(both, size)[..., : x.shape[-1]]


def add_noise(x, level):
    return x + level * torch.randn(x.shape, generator=torch.Generator().manual_seed(8))


def score(mix, finished):
    values = scores(mix, finished, RATE)
    return {name.removeprefix("score/"): value for name, value in values.items()}


def level_steps(low_db, seconds=8.0, hz=1000.0):
    """Noise around 1 kHz, alternating each second between 0 dB and `low_db`: [1, 2, T]."""
    time = torch.arange(round(seconds * RATE)) / RATE
    white = torch.randn(1, 2, len(time), generator=torch.Generator().manual_seed(4))
    return filtered(white, 2, hz) * torch.where(time % 2 < 1, 1.0, 10 ** (low_db / 20))


@pytest.mark.parametrize("channels", [1, 2])
def test_the_finished_version_scores_1_at_any_level(channels):
    x = music(channels=channels)
    for gain in (1.0, 0.05, 3.0):
        for name, value in score(gain * x, x).items():
            assert value.item() == pytest.approx(1.0, abs=1e-3), name
            if gain == 1.0:
                assert value.item() == 1.0


@pytest.mark.parametrize(
    ("name", "disturbed"),
    [
        ("balance", lambda x, a: x + 3 * a * filtered(x, 1, 2000, "high")),
        ("balance", lambda x, a: x - a * filtered(x, 1, 300)),
        ("dynamics", lambda x, a: torch.tanh(20 * a * x) / (20 * a)),
        ("dynamics", lambda x, a: add_noise(x, 0.1 * a)),
        ("clarity", add_reverb),
        ("clarity", lambda x, a: add_noise(x, 0.1 * a)),
        ("clarity", lambda x, a: x + a * x.roll(RATE // 5, -1)),
        ("transients", add_reverb),
        ("transients", lambda x, a: add_noise(x, 0.1 * a)),
        ("overall", lambda x, a: add_reverb(x + a * filtered(x, 1, 2000, "high"), a)),
    ],
)
def test_score_falls_with_the_disturbance(name, disturbed):
    x = music()
    got = [score(disturbed(x, amount), x)[name].item() for amount in (0.05, 0.2, 0.5, 1.0)]
    assert got == sorted(got, reverse=True)
    assert 1.0 > got[0] > got[-1] + 0.05


def test_scores_are_0_to_1_and_overall_is_the_mean_of_three():
    x = music(songs=2)
    for mix in (0 * x, x.sign(), add_noise(0 * x, 1.0), filtered(x, 4, 200), x.roll(20_000, -1)):
        values = score(mix, x)
        both = [*values.values(), *score(x, mix).values()]
        assert all(((v >= 0) & (v <= 1)).all() for v in both)
        mean = sum(values[name] for name in NAMES[:3]) / 3
        assert torch.allclose(values["overall"], mean, atol=1e-6)


def test_scores_of_silence():
    x = music()
    values = score(0 * x, x)
    assert (values["clarity"], values["transients"]) == (0.0, 0.0)
    assert values["balance"] < 0.01
    assert all(value == 1.0 for value in score(0 * x, 0 * x).values())


def test_balance_is_half_at_an_error_of_3_db():
    """28 tones, alternately 3 dB up and 3 dB down."""
    time = torch.arange(4 * RATE, dtype=torch.float64) / RATE
    tones = torch.stack([torch.sin(2 * math.pi * f * time) for f in THIRD_OCTAVE_CENTRES_HZ])
    gains = torch.tensor([3.0, -3.0] * 14, dtype=torch.float64)
    flat, alternating = (
        0.01 * (tones * 10 ** (g / 20)[:, None]).sum(0).expand(1, 2, -1) for g in (0 * gains, gains)
    )
    assert score(alternating, flat)["balance"].item() == pytest.approx(0.5, abs=0.02)


def test_dynamics_of_a_square_wave_against_a_sine():
    time = torch.arange(RATE, dtype=torch.float64) / RATE
    sine = 0.1 * torch.sin(2 * math.pi * 441 * time + 0.01).expand(1, 2, -1)
    assert score(sine.sign(), sine)["dynamics"].item() == pytest.approx(2 ** (-3.01 / 3), abs=1e-3)


def test_clarity_and_transients_of_level_steps_equal_the_closed_form():
    """Half the time at 0 dB, half at −20: mean −2.97, mean level −10; filled up to −10: 2.40."""
    values = score(level_steps(-10.0), level_steps(-20.0))

    def contrast(low_db):
        return 10 * math.log10((1 + 10 ** (low_db / 10)) / 2) - low_db / 2

    assert values["clarity"].item() == pytest.approx(contrast(-10) / contrast(-20), abs=0.05)
    assert values["transients"].item() == pytest.approx(10 / 20, abs=0.1)
    assert score(level_steps(-20.0), level_steps(-10.0))["clarity"].item() == pytest.approx(
        1.0, abs=0.01
    )


def test_scores_equal_a_plain_implementation_with_scipy():
    finished = music(seconds=2.0).double()
    mix = 0.5 * add_noise(finished, 0.01)
    gap = 20 * math.log10(2.0)  # the noise is 26 dB below the hits: no effect on loudness
    mean_db, levels = [], []
    for x in (mix.numpy() * 10 ** (gap / 20), finished.numpy()):
        frequencies, _, spectra = stft(
            x, RATE, nperseg=2048, noverlap=1024, boundary=None, padded=False
        )
        power = (abs(spectra) ** 2).mean((0, 1)) / 1.5  # a window's noise bandwidth
        rows = [
            (frequencies >= c / BAND_EDGE_RATIO) & (frequencies < c * BAND_EDGE_RATIO)
            for c in WIDE_BANDS
        ]
        levels.append(np.stack([2 * power[row].sum(0) for row in rows]))
        mean_db.append(10 * np.log10(levels[-1].mean(1)))
    levels_db = [np.maximum(10 * np.log10(x) - mean_db[1][:, None], -40) for x in levels]
    contrasts = [10 * np.log10((10 ** (x / 10)).mean(1)) - x.mean(1) for x in levels_db]
    clarity = np.minimum(*contrasts).sum() / contrasts[1].sum()
    rises = [np.maximum(np.diff(x.mean(0)), 0) for x in levels_db]
    rises[1] = rises[1] * (rises[1] >= 2)
    transients = np.minimum(*rises).sum() / rises[1].sum()
    got = score(mix, finished)
    assert got["clarity"].item() == pytest.approx(clarity, abs=0.03)
    assert got["transients"].item() == pytest.approx(transients, abs=0.03)


def test_batch_equals_single_songs_and_shapes_are_checked():
    x, y = music(songs=2), add_reverb(music(songs=2), 0.5)
    whole = score(y, x)
    for song in range(2):
        for name, value in score(y[song : song + 1], x[song : song + 1]).items():
            torch.testing.assert_close(value[0], whole[name][song], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="differ in shape"):
        score(x[..., 1:], x)
