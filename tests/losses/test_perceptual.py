"""Tests of the multi-resolution STFT loss: equality with auraloss, near-mono songs."""

import pytest
import torch
from auraloss.freq import MultiResolutionSTFTLoss

from ai_mixer.dsp.spectra import mid_side
from ai_mixer.losses.perceptual import PerceptualLoss


def distance(mix, finished, make_batch):
    return PerceptualLoss()(None, mix, make_batch(finished)).item()


def test_equals_auraloss_on_mid_and_side(music, make_batch):
    finished, mix = music(songs=1), 0.8 * music(songs=1, seed=1)
    sizes = [512, 2048, 8192]
    oracle = MultiResolutionSTFTLoss(sizes, [n // 4 for n in sizes], sizes)
    pairs = zip(mid_side(mix).float().unbind(1), mid_side(finished).float().unbind(1), strict=True)
    expected = sum(oracle(x[:, None], y[:, None]).item() for x, y in pairs) / 2
    assert distance(mix, finished, make_batch) == pytest.approx(expected, rel=0.01)


def test_value_and_gradient_equal_auraloss_to_rounding(make_batch):
    """Loud white noise, with no bin near a floor."""
    generator = torch.Generator().manual_seed(0)
    finished, mix = (30 * torch.randn(1, 2, 30_000, generator=generator) for _ in range(2))
    mix.requires_grad_()
    sizes = [512, 2048, 8192]
    oracle = MultiResolutionSTFTLoss(sizes, [n // 4 for n in sizes], sizes)
    pairs = zip(mid_side(mix).unbind(1), mid_side(finished).unbind(1), strict=True)
    expected = sum(oracle(x[:, None], y[:, None]) for x, y in pairs) / 2
    got = PerceptualLoss(floor_db=-200.0)(None, mix, make_batch(finished))
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)
    gradients = [torch.autograd.grad(value, mix)[0] for value in (got, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4 * gradients[1].abs().max().item())


def test_loss_increases_with_noise_and_with_gain(music, make_batch):
    finished = music()
    other = music(seed=5)
    noise = [distance(finished + a * other, finished, make_batch) for a in (0, 0.03, 0.1, 0.3, 1)]
    level = [distance(10 ** (a / 20) * finished, finished, make_batch) for a in (0, 1, 2, 4, 8)]
    assert noise == sorted(noise)
    assert level == sorted(level)


def test_a_gain_of_two_gives_one_plus_ln_2(music, make_batch):
    """Spectral convergence 1 and log magnitude ln 2, at all resolutions, in mid and side."""
    finished = music()
    assert distance(2 * finished, finished, make_batch) == pytest.approx(1.6931, abs=0.01)


def test_insensitive_to_polarity_and_channel_swap(music, make_batch):
    finished, mix = music(), music(seed=1)
    expected = distance(mix, finished, make_batch)
    assert distance(-mix, finished, make_batch) == pytest.approx(expected)
    assert distance(mix.flip(1), finished, make_batch) == pytest.approx(expected)


def test_loss_increases_with_the_width(music, make_batch):
    finished = music()
    mid, side = mid_side(finished).unbind(1)
    widths = []
    for width in (1.0, 1.2, 1.6, 2.4):
        mix = torch.stack([mid + width * side, mid - width * side], 1)
        widths.append(distance(mix, finished, make_batch))
    assert widths == sorted(widths)
    assert widths[1] > 0.05


@pytest.mark.parametrize("side_db", [-300, -100, -80])
def test_near_mono_songs_have_a_bounded_loss(music, make_batch, side_db):
    """An inaudible side replaced by another one gives about 0, an audible one a moderate value."""
    mid, side = mid_side(music()).unbind(1)
    _, other = mid_side(music(seed=1)).unbind(1)

    def stereo(side):
        return torch.stack([mid + side, mid - side], 1).float()

    quiet = 10 ** (side_db / 20)
    finished = stereo(quiet * side)
    assert distance(stereo(quiet * other), finished, make_batch) < 0.1
    mix = stereo(0.1 * other).requires_grad_()
    value = PerceptualLoss()(None, mix, make_batch(finished))
    value.backward()
    assert value < 5
    assert mix.grad.isfinite().all()
