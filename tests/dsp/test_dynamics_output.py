"""The output of a compressor as one operator equals its gain, exponential and product."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from ai_mixer.dsp.dynamics import dynamics_gain_db
from ai_mixer.dsp.dynamics_output import BACKWARD_BLOCK, BLOCK, apply_dynamics
from helpers.measures import residual_db
from helpers.signals import noise

# slope, attack, release, threshold, knee, cap: the last song reaches the cap
SETTINGS = torch.tensor(
    [[0.5, 0.9, 0.99, -18, 6, 24], [0.8, 0.5, 0.9, -40, 12, 24], [0.9, 0.9, 0.95, -40, 2, 3]],
    dtype=torch.float64,
)
GAINS = torch.tensor([[1.0, 2.0], [0.5, 0.7], [1.0, 0.0]], dtype=torch.float64)


def audio(length, channels=2):
    """Through all knees."""
    x = noise(3, channels, length, level=1.0, dtype=torch.float64)
    return x * torch.logspace(-3, 0, length, dtype=torch.float64)


def composed(x, settings, gains):
    ratio = 10 ** (dynamics_gain_db(x, settings) / 20)
    return x * ratio[:, None] * gains[:, :, None]


@pytest.mark.parametrize("length", [1, BLOCK, 2 * BACKWARD_BLOCK + BLOCK + 7])
@pytest.mark.parametrize("channels", [1, 2])
def test_output_and_gradients_equal_the_composition(length, channels):
    x, results = audio(length, channels), []
    weights = noise(*x.shape, seed=1, dtype=torch.float64)
    for function in (apply_dynamics, composed):
        inputs = [t.clone().requires_grad_() for t in (x, SETTINGS, GAINS[:, :channels])]
        y = function(*inputs)
        results.append([y, *torch.autograd.grad((y * weights).sum(), inputs)])
    for got, want in zip(*results, strict=True):
        assert residual_db(got, want) <= -140


def test_derivatives_are_exact():
    leaves = [t.clone().requires_grad_() for t in (audio(30), SETTINGS, GAINS)]
    weights = noise(3, 2, 30, dtype=torch.float64)

    def weighted(x, settings, gains):  # the cap has no gradient
        settings = torch.cat([settings[:, :5], settings[:, 5:].detach()], dim=1)
        return apply_dynamics(x, settings, gains) * weights

    assert gradcheck(weighted, leaves, fast_mode=True, eps=1e-5, atol=1e-5)
    assert gradgradcheck(weighted, leaves, fast_mode=True, eps=1e-5, atol=1e-4)


def test_float32_audio_keeps_its_type_and_silence_is_silent():
    y = apply_dynamics(audio(500).float(), SETTINGS, GAINS)
    assert y.dtype == torch.float32
    assert residual_db(y, apply_dynamics(audio(500), SETTINGS, GAINS)) <= -130
    assert not apply_dynamics(torch.zeros(3, 2, 500), SETTINGS, GAINS).any()
