"""System identification of a console with known settings."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.models import system_identification
from helpers.signals import noise

RATE, N_FFT, HOP = 44100, 2048, 1024
MAX_BIAS_DB = 0.05


def faded_noise(seed=0):
    """3 s of noise that fades out and in again, so that its level varies."""
    audio = noise(1, 2, seconds=3.0, seed=seed)
    return audio * torch.linspace(-1, 1, audio.shape[-1]).abs()


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
    source = spectra(rough)
    system = system_identification.identify_system(source, spectra(finished))
    return system_identification.response_db(system, source, every_bin)[0]


def test_equaliser_gain_is_identified_within_0_1_db():
    response = response_db(faded_noise(), mixed(faded_noise(), mid_eq=-5.0))
    at_1_khz = round(1000 * N_FFT / RATE)
    assert response[0, at_1_khz] == pytest.approx(-5.0, abs=0.1)
    assert response[0, -100:].abs().max() < 0.1


def test_response_and_gain_do_not_bias_each_other():
    """Bass and treble sound at different times, so a gain over time weights the bands."""
    ramp = torch.linspace(0, 1, faded_noise().shape[-1])
    bass = torch.nn.functional.avg_pool1d(faded_noise(1), 101, 1, 50) * 3.0
    rough = faded_noise(2) * (0.1 + ramp) + bass * (1.1 - ramp)
    equalised = mixed(rough, high_eq=5.0)
    finished = equalised * 10.0 ** (-6.0 * ramp / 20.0)
    bias_db = (response_db(rough, finished) - response_db(rough, equalised))[0, 2:900]
    system = system_identification.identify_system(spectra(rough), spectra(finished))
    weights = system.frame_weights[0]
    true_db = -6.0 * torch.linspace(0, 1, len(weights))
    true_db = true_db - (weights * true_db).sum()
    assert bias_db.std() < MAX_BIAS_DB
    assert (system.gain_db[0] - true_db)[weights > 0].abs().mean() < MAX_BIAS_DB


def test_width_is_the_gain_of_the_side():
    response = response_db(faded_noise(), mixed(faded_noise(), stereo_width=2.0))
    assert response[0, 2:].abs().max() < 0.01
    torch.testing.assert_close(response[1, 2:].mean(), torch.tensor(6.02), atol=0.01, rtol=0)


def test_reverb_and_delay_do_not_affect_the_response():
    finished = mixed(faded_noise(), mid_eq=4.0, delay=0.3, reverb=0.2)
    response = response_db(faded_noise(), finished)
    dry_db = 20 * torch.log10(torch.tensor(0.7 * 0.8))
    at_1_khz = round(1000 * N_FFT / RATE)
    assert response[0, at_1_khz - 2 : at_1_khz + 3].mean() == pytest.approx(4.0 + dry_db, abs=1.0)


def test_gain_by_level_decreases_more_with_a_higher_ratio():
    rough, decreases_db = faded_noise(), []
    for ratio in (1.0, 2.0, 6.0):
        finished = mixed(rough, compressor_ratio=ratio)
        gain = system_identification.identify_system(spectra(rough), spectra(finished)).gain_db
        level = system_identification.level_track_db(rough, HOP, gain.shape[-1])
        curve = system_identification.gain_by_level(level, gain)[0]
        decreases_db.append(float(curve[0] - curve[-1]))
    assert abs(decreases_db[0]) < 0.01
    assert 1.0 < decreases_db[1] < decreases_db[2]


def test_level_track_is_the_peak_level():
    audio = torch.zeros(1, 2, 10 * HOP)
    audio[0, 1, 5 * HOP] = -0.5
    track = system_identification.level_track_db(audio, HOP, 11)[0]
    assert track.argmax() == 5
    assert track.max() == pytest.approx(-6.02, abs=0.01)


def test_quantiles_increase_and_preserve_the_mean():
    values = noise(4, 120, level=1.0)
    quantiles = system_identification.quantiles(values)
    assert (quantiles.diff(dim=-1) >= 0).all()
    torch.testing.assert_close(quantiles.mean(-1), values.mean(-1))


def test_silence_gives_0_db():
    silence = spectra(torch.zeros(1, 2, RATE))
    system = system_identification.identify_system(silence, silence)
    assert system.gain_db.abs().max() < 1e-6
    assert system_identification.response_db(system, silence, torch.eye(1025)).abs().max() < 1e-6
