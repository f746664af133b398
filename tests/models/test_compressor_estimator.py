"""A known compressor goes in, its settings are found."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.models.compressor_estimator import N_ESTIMATES, estimate_compressor
from ai_mixer.models.system_identification import identify_system

RATE, N_FFT, HOP = 44100, 2048, 1024


def music(seconds=6.0):
    """Noise in bars of other levels, from −40 to −3 dBFS: something for a needle to follow."""
    generator = torch.Generator().manual_seed(0)
    audio = torch.randn(1, 2, round(seconds * RATE), generator=generator)
    bars = torch.rand(40, generator=generator) * 2.0 - 2.0
    levels = bars.repeat_interleave(-(-audio.shape[-1] // 40))[: audio.shape[-1]]
    return (audio / 4.0).clamp(-1, 1) * 10.0**levels


def spectra(audio):
    window = torch.hann_window(N_FFT)
    return torch.stft(audio[0], N_FFT, HOP, window=window, return_complex=True)[None]


def found(rough, finished):
    measured = identify_system(spectra(rough), spectra(finished))
    return estimate_compressor(rough, measured.gain_db, measured.frame_weights, HOP, RATE)[0]


def mixed(audio, **settings):
    console = load_console()
    return console(audio, RATE, console.knobs_from(settings), limit=False)


@pytest.mark.parametrize("ratio", [1.3, 2.0, 4.0])
@pytest.mark.parametrize("rest", [{}, {"low_eq": 5.0, "high_eq": -4.0, "output_level": 0.5}])
def test_the_ratio_is_found_whatever_else_was_done(ratio, rest):
    slope, threshold, _, alike, _, _ = found(
        music(), mixed(music(), compressor_ratio=ratio, **rest)
    )
    assert alike > 0.9
    assert (slope + 1) / 2 == pytest.approx(1 - 1 / ratio, abs=0.04)
    assert 20 * (threshold - 1) == pytest.approx(-18, abs=4)


def test_the_threshold_moves_with_the_gain_before_it():
    quiet, loud = (
        found(music(), mixed(music(), compressor_ratio=3.0, input_gain=gain))[1]
        for gain in (0.5, 2.0)
    )
    assert 20 * float(quiet - loud) == pytest.approx(12.0, abs=4.0)


def test_mean_reduction_is_what_was_lost_on_average():
    rough = music()
    plain, squeezed = (
        identify_system(spectra(rough), spectra(mixed(rough, compressor_ratio=r)))
        for r in (1.0, 3.0)
    )
    lost = -20 * torch.log10((squeezed.response / plain.response).abs()[..., 50:500]).mean()
    told = 6.0 * found(rough, mixed(rough, compressor_ratio=3.0))[-1]
    assert told == pytest.approx(float(lost), abs=0.3)


def test_without_a_compressor_none_is_found():
    slope, _, _, alike, moved, reduction = found(music(), mixed(music(), mid_eq=4.0))
    assert (slope + 1) / 2 == pytest.approx(0.0, abs=0.02)
    assert alike < 0.3
    assert moved == pytest.approx(0.0, abs=0.05)
    assert reduction == pytest.approx(0.0, abs=0.02)


def test_silence_and_a_song_of_a_batch():
    silent = torch.zeros(1, 2, RATE)
    assert found(silent, silent).isfinite().all()
    rough = torch.cat([music(2.0), music(2.0).flip(-1)])
    gain, share = -rough.abs().mean(1)[:, ::HOP] * 9, torch.full((2, 87), 1 / 87)
    together = estimate_compressor(rough, gain, share, HOP, RATE)
    assert together.shape == (2, N_ESTIMATES)
    alone = estimate_compressor(rough[1:], gain[1:], share[1:], HOP, RATE)
    torch.testing.assert_close(together[1:], alone)
