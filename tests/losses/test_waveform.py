"""Tests of the waveform loss."""

import pytest
import torch

from ai_mixer.losses.waveform import WaveformLoss


def esr(mix, finished, make_batch):
    return WaveformLoss()(None, mix, make_batch(finished)).item()


def test_a_silent_mix_gives_one_and_inverted_polarity_four(music, make_batch):
    finished = music()
    assert esr(torch.zeros_like(finished), finished, make_batch) == pytest.approx(1.0)
    assert esr(-finished, finished, make_batch) == pytest.approx(4.0)


def test_loss_increases_with_noise_and_is_independent_of_level(music, make_batch):
    finished, noise = music(), music(seed=1)
    values = [esr(finished + a * noise, finished, make_batch) for a in (0, 0.1, 0.3, 1)]
    assert values == sorted(values)
    quiet = esr(0.1 * (finished + noise), 0.1 * finished, make_batch)
    assert quiet == pytest.approx(values[-1])
