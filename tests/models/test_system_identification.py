"""The black box is measured right: a known console goes in, its settings come out."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.models import system_identification

RATE, N_FFT, HOP = 44100, 2048, 1024
LEAN = 0.05  # dB


def noise(seed=0, seconds=3.0):
    samples = round(seconds * RATE)
    audio = torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(seed)) * 0.1
    return audio * torch.linspace(-1, 1, samples).abs()


def spectra(audio):
    left, right = audio[:, 0], audio[:, 1]
    mid_side = torch.stack([left + right, left - right], dim=1)[0] / 2
    window = torch.hann_window(N_FFT)
    return torch.stft(mid_side, N_FFT, HOP, window=window, return_complex=True)[None]


def mixed(audio, **settings):
    console = load_console()
    return console(audio, RATE, console.knobs_from(settings))


def response_db(rough, finished):
    every_bin = torch.eye(N_FFT // 2 + 1)
    heard = spectra(rough)
    return system_identification.response_db(
        system_identification.identify_system(heard, spectra(finished)), heard, every_bin
    )[0]


def test_equaliser_is_read_off_to_a_tenth_of_a_db():
    response = response_db(noise(), mixed(noise(), mid_eq=-5.0))
    at_1_khz = round(1000 * N_FFT / RATE)
    assert response[0, at_1_khz] == pytest.approx(-5.0, abs=0.1)
    assert response[0, -100:].abs().max() < 0.1


def test_response_and_gain_do_not_lean_on_each_other():
    """Bass and treble sound at other moments, as in music, so a gain over time is one of bands."""
    samples = noise().shape[-1]
    steep = torch.linspace(0, 1, samples)
    bass = torch.nn.functional.avg_pool1d(noise(1), 101, 1, 50) * 3.0
    rough = noise(2) * (0.1 + steep) + bass * (1.1 - steep)
    gain = 10.0 ** (-6.0 * steep / 20.0)
    finished = mixed(rough, high_eq=5.0) * gain
    plain, turned = response_db(rough, mixed(rough, high_eq=5.0)), response_db(rough, finished)
    leaning = (turned - plain)[0, 2:900]
    measured = system_identification.identify_system(spectra(rough), spectra(finished))
    frames = measured.gain_db.shape[-1]
    true_db = -6.0 * torch.linspace(0, 1, frames)
    true_db = true_db - (measured.frame_weights[0] * true_db).sum()
    assert leaning.std() < LEAN
    assert (measured.gain_db[0] - true_db)[measured.frame_weights[0] > 0].abs().mean() < LEAN


def test_width_is_the_gain_of_the_side():
    response = response_db(noise(), mixed(noise(), stereo_width=2.0))
    assert response[0, 2:].abs().max() < 0.01
    torch.testing.assert_close(response[1, 2:].mean(), torch.tensor(6.02), atol=0.01, rtol=0)


def test_reverb_and_delay_do_not_blur_the_response():
    response = response_db(noise(), mixed(noise(), mid_eq=4.0, delay=0.3, reverb=0.2))
    dry_db = 20 * torch.log10(torch.tensor(0.7 * 0.8))
    at_1_khz = round(1000 * N_FFT / RATE)
    assert response[0, at_1_khz - 2 : at_1_khz + 3].mean() == pytest.approx(4.0 + dry_db, abs=1.0)


def test_compressor_curve_falls_with_level_and_steeper_with_ratio():
    falls = []
    for ratio in (1.0, 2.0, 6.0):
        finished = mixed(noise(), compressor_ratio=ratio)
        gain = system_identification.identify_system(spectra(noise()), spectra(finished)).gain_db
        level = system_identification.level_track_db(noise(), HOP, gain.shape[-1])
        curve = system_identification.gain_by_level(level, gain)[0]
        falls.append(float(curve[0] - curve[-1]))
    assert abs(falls[0]) < 0.01
    assert 1.0 < falls[1] < falls[2]


def test_level_track_reads_peaks():
    audio = torch.zeros(1, 2, 10 * HOP)
    audio[0, 1, 5 * HOP] = -0.5
    track = system_identification.level_track_db(audio, HOP, 11)[0]
    assert track.argmax() == 5
    assert track.max() == pytest.approx(-6.02, abs=0.01)


def test_quantiles_rise_and_keep_the_mean():
    track = torch.randn(4, 120, generator=torch.Generator().manual_seed(0))
    shares = system_identification.quantiles(track)
    assert (shares.diff(dim=-1) >= 0).all()
    torch.testing.assert_close(shares.mean(-1), track.mean(-1))


def test_silence_reads_nothing():
    silent = spectra(torch.zeros(1, 2, RATE))
    measured = system_identification.identify_system(silent, silent)
    assert measured.gain_db.abs().max() < 1e-6
    assert system_identification.response_db(measured, silent, torch.eye(1025)).abs().max() < 1e-6
