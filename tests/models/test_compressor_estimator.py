"""The settings of a known compressor are estimated."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.models.compressor_estimator import N_ESTIMATES, estimate_compressor
from ai_mixer.models.system_identification import identify_system

RATE, N_FFT, HOP = 44100, 2048, 1024


def music(seconds=6.0):
    """Noise in 40 segments of random level, from −40 to −3 dBFS: the compressor's gain varies."""
    generator = torch.Generator().manual_seed(0)
    audio = torch.randn(1, 2, round(seconds * RATE), generator=generator)
    levels = torch.rand(40, generator=generator) * 2.0 - 2.0
    levels = levels.repeat_interleave(-(-audio.shape[-1] // 40))[: audio.shape[-1]]
    return (audio / 4.0).clamp(-1, 1) * 10.0**levels


def spectra(audio):
    window = torch.hann_window(N_FFT)
    return torch.stft(audio[0], N_FFT, HOP, window=window, return_complex=True)[None]


def estimates(rough, finished):
    system = identify_system(spectra(rough), spectra(finished))
    return estimate_compressor(rough, system.gain_db, system.frame_weights, HOP, RATE)[0]


def mixed(audio, **settings):
    console = load_console()
    return console(audio, RATE, console.knobs_from(settings), limit=False)


@pytest.mark.parametrize("ratio", [1.3, 2.0, 4.0])
@pytest.mark.parametrize("others", [{}, {"low_eq": 5.0, "high_eq": -4.0, "output_level": 0.5}])
def test_ratio_and_threshold_are_estimated_whatever_the_other_knobs(ratio, others):
    slope, threshold, _, explained, _, _ = estimates(
        music(), mixed(music(), compressor_ratio=ratio, **others)
    )
    assert explained > 0.9
    assert (slope + 1) / 2 == pytest.approx(1 - 1 / ratio, abs=0.04)
    assert 20 * (threshold - 1) == pytest.approx(-18, abs=4)


def test_estimated_threshold_changes_with_the_input_gain():
    quiet, loud = (
        estimates(music(), mixed(music(), compressor_ratio=3.0, input_gain=gain))[1]
        for gain in (0.5, 2.0)
    )
    assert 20 * float(quiet - loud) == pytest.approx(12.0, abs=4.0)


def test_mean_reduction_is_the_loss_of_level():
    rough = music()
    uncompressed, compressed = (
        identify_system(spectra(rough), spectra(mixed(rough, compressor_ratio=ratio)))
        for ratio in (1.0, 3.0)
    )
    change = (compressed.response / uncompressed.response).abs()[..., 50:500]
    loss_db = -20 * torch.log10(change).mean()
    reduction_db = 6.0 * estimates(rough, mixed(rough, compressor_ratio=3.0))[-1]
    assert reduction_db == pytest.approx(float(loss_db), abs=0.3)


def test_without_a_compressor_the_estimate_is_none():
    slope, _, _, explained, deviation, reduction = estimates(music(), mixed(music(), mid_eq=4.0))
    assert (slope + 1) / 2 == pytest.approx(0.0, abs=0.02)
    assert explained < 0.3
    assert deviation == pytest.approx(0.0, abs=0.05)
    assert reduction == pytest.approx(0.0, abs=0.02)


def test_silence_gives_finite_estimates():
    silence = torch.zeros(1, 2, RATE)
    assert estimates(silence, silence).isfinite().all()


def test_batch_item_equals_item_alone():
    rough = torch.cat([music(2.0), music(2.0).flip(-1)])
    gain, weights = -rough.abs().mean(1)[:, ::HOP] * 9, torch.full((2, 87), 1 / 87)
    together = estimate_compressor(rough, gain, weights, HOP, RATE)
    assert together.shape == (2, N_ESTIMATES)
    alone = estimate_compressor(rough[1:], gain[1:], weights[1:], HOP, RATE)
    torch.testing.assert_close(together[1:], alone)
