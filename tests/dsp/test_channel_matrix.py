"""A matrix of channels equals the product of matrices, with its derivatives."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from ai_mixer.dsp.channel_matrix import BLOCK, mix_channels
from helpers.measures import residual_db
from helpers.signals import noise


def matrices(songs, channels):
    return noise(songs, channels, channels, level=1.0, seed=1, dtype=torch.float64)


@pytest.mark.parametrize("length", [1, BLOCK, 2 * BLOCK + 7])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_output_and_gradients_equal_the_product_of_matrices(length, channels):
    x, matrix = noise(2, channels, length, dtype=torch.float64), matrices(2, channels)
    weights, results = noise(*x.shape, seed=2, dtype=torch.float64), []
    for function in (mix_channels, lambda x, matrix: matrix @ x):
        inputs = [t.clone().requires_grad_() for t in (x, matrix)]
        y = function(*inputs)
        results.append([y, *torch.autograd.grad((y * weights).sum(), inputs)])
    for got, want in zip(*results, strict=True):
        assert residual_db(got, want) <= -250


def test_derivatives_are_exact():
    inputs = [t.requires_grad_() for t in (noise(2, 2, 9, dtype=torch.float64), matrices(2, 2))]
    assert gradcheck(mix_channels, inputs)
    assert gradgradcheck(mix_channels, inputs)


def test_float32_audio_keeps_its_type():
    x, matrix = noise(2, 2, 600), matrices(2, 2)
    y = mix_channels(x, matrix)
    assert y.dtype == torch.float32
    assert residual_db(y, matrix @ x.double()) <= -140


def test_vmap_over_matrices():
    x, many = noise(2, 2, 50, dtype=torch.float64), matrices(6, 2).view(3, 2, 2, 2)
    mixes = torch.func.vmap(mix_channels, (None, 0))(x, many)
    assert residual_db(mixes, many @ x) <= -250
