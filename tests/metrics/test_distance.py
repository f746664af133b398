"""Protocol A on signals with known distances, and against auraloss."""

import math

import pytest
import torch
from auraloss.freq import MultiResolutionSTFTLoss
from scipy.signal import butter, sosfilt

from ai_mixer.dsp.spectra import mid_side
from ai_mixer.metrics.distance import closeness, distances, spectrum_error_db, stft_distance

RATE = 16000


def music(songs=2, seconds=2.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(songs, 2, round(seconds * RATE), generator=generator)
    noise[:, 1] = 0.6 * noise[:, 0] + 0.8 * noise[:, 1]
    hits = torch.exp(-(torch.arange(noise.shape[-1]) % 4000) / 2000)
    return 0.1 * noise * hits


def test_a_gain_changes_the_loudness_error_only():
    x = music()
    got = distances(0.5 * x, x, RATE)
    assert got["loudness_lu"].tolist() == pytest.approx([6.02] * 2, abs=0.01)
    for name in ("stft", "spectrum_db", "crest_db", "width_db"):
        assert got[name].max() < 1e-3


def test_width_and_crest_errors_are_in_db():
    x = music()
    mid, side = mid_side(x).unbind(1)
    wide = torch.stack([mid + 2 * side, mid - 2 * side], 1)
    assert distances(wide, x, RATE)["width_db"].tolist() == pytest.approx([6.02] * 2, abs=0.01)
    got = distances(x.sign() * 0.1, x, RATE)["crest_db"]
    crest = 20 * (x.abs().amax((1, 2)) / x.square().mean((1, 2)).sqrt()).log10()
    assert torch.allclose(got, crest, atol=1e-3)


def test_stft_distance_of_a_doubled_signal_is_1_plus_ln_2():
    x = music()
    expected = [1 + math.log(2)] * 2
    assert stft_distance(2 * x, x).tolist() == pytest.approx(expected, abs=0.01)


def test_stft_distance_equals_auraloss_on_mid_and_side():
    sizes = [512, 2048, 8192]
    oracle = MultiResolutionSTFTLoss(sizes, [n // 4 for n in sizes], sizes)
    mix, finished = 0.7 * music(seed=1), music()
    for song, got in enumerate(stft_distance(mix, finished).tolist()):
        views = [mid_side(x[song : song + 1]).unbind(1) for x in (mix, finished)]
        pairs = zip(*views, strict=True)
        expected = sum(oracle(x[:, None], y[:, None]).item() for x, y in pairs) / 2
        assert got == pytest.approx(expected, rel=0.01)


def test_spectrum_error_of_a_gain_and_of_growing_filters():
    x = music()
    assert spectrum_error_db(2 * x, x, RATE).tolist() == pytest.approx([6.02] * 2, abs=0.01)
    sos = butter(1, 1000, "high", fs=RATE, output="sos")
    high = torch.from_numpy(sosfilt(sos, x.numpy())).float()
    values = [distances(x + a * high, x, RATE)["spectrum_db"].mean() for a in (0, 0.5, 1, 2)]
    assert values == sorted(values)


def test_an_inaudible_side_has_little_effect():
    mid = music()[:, :1].expand(-1, 2, -1)
    hiss = 1e-5 * torch.randn(2, 1, mid.shape[-1]) * torch.tensor([[1.0], [-1.0]])
    assert stft_distance(mid + hiss, mid).max() < 0.1


def test_mono_has_no_width_error_and_shapes_are_checked():
    x, y = music(), music(seed=1)
    assert distances(x[:, :1], y[:, :1], RATE)["width_db"].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="differ in shape"):
        distances(x[..., 1:], y, RATE)


def test_closeness_is_1_minus_the_ratio_of_distances():
    got = closeness(torch.tensor([0.0, 0.5, 1.0, 2.0, 0.0]), torch.tensor([1.0, 1, 1, 1, 0]))
    assert got[:4].tolist() == [1.0, 0.5, 0.0, -1.0]
    assert got[4].isnan()
