"""Tests of the spectral balance loss: sensitive to level and EQ, not to phase, time or width."""

import pytest
import torch
from scipy.signal import butter, sosfilt

from ai_mixer.losses.balance import SpectralBalanceLoss


def db(mix, finished, make_batch):
    return SpectralBalanceLoss()(None, mix, make_batch(finished)).item()


@pytest.mark.parametrize("gain_db", [-6.0, 0.5, 3.0])
def test_a_gain_gives_its_decibels(music, make_batch, gain_db):
    finished = music()
    mix = 10 ** (gain_db / 20) * finished
    assert db(mix, finished, make_batch) == pytest.approx(abs(gain_db), abs=1e-9)


def test_loss_increases_with_the_eq_gain(music, make_batch):
    finished = music()
    high = torch.from_numpy(sosfilt(butter(1, 1000, "high", fs=16000, output="sos"), finished))
    values = [db(finished + a * high, finished, make_batch) for a in (0, 0.2, 0.5, 1, 2)]
    assert values == sorted(values)
    assert values[-1] > 2


def test_insensitive_to_polarity_channel_swap_and_mid_side_swap(music, make_batch):
    finished, mix = music(), music(seed=1)
    expected = db(mix, finished, make_batch)
    one_inverted = mix * torch.tensor([[1.0], [-1.0]])
    for changed in (-mix, mix.flip(1), one_inverted):
        assert db(changed, finished, make_batch) == pytest.approx(expected)


def test_nearly_insensitive_to_time_shifts(make_batch):
    """Stationary noise, shifted by a quarter second."""
    noise = 0.1 * torch.randn(1, 2, 20 * 16000, generator=torch.Generator().manual_seed(0))
    assert db(noise[..., 4000:], noise[..., :-4000], make_batch) < 0.1


def test_bands_below_the_floor_are_ignored(music, make_batch):
    finished = music()
    sos = butter(16, 2000, "low", fs=16000, output="sos")
    dull = torch.from_numpy(sosfilt(sos, finished))
    noise = torch.randn_like(dull)
    assert db(dull + 1e-7 * noise, dull, make_batch) < 0.01
