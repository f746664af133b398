"""Tests of the console under autocast, on a GPU and with several threads."""

import pytest
import torch

from ai_mixer.console import load_console
from helpers.measures import residual_db

RATE = 44_100
CONSOLE = load_console("classic", "wide")


def songs(batch=2, seconds=1.0):
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(batch, 2, round(seconds * RATE), generator=generator)
    swell = torch.sin(torch.linspace(0, 9, noise.shape[-1])).abs() + 0.1
    return 0.2 * noise * swell


def knobs(batch=2):
    return torch.rand(batch, len(CONSOLE.knobs), generator=torch.Generator().manual_seed(1))


def mix_and_gradients(device="cpu"):
    leaves = [leaf.to(device).requires_grad_() for leaf in (songs(), knobs())]
    mix = CONSOLE.to(device)(leaves[0], RATE, leaves[1])
    gradients = torch.autograd.grad(mix.square().mean(), leaves)
    return [tensor.detach().cpu() for tensor in (mix, *gradients)]


def test_autocast_does_not_change_the_mix_and_its_gradients():
    plain = mix_and_gradients()
    with torch.autocast("cpu", torch.bfloat16):
        half = mix_and_gradients()
    assert half[0].dtype == torch.float32
    for got, want in zip(half, plain, strict=True):
        assert residual_db(got, want) <= -100


@pytest.mark.parametrize("level", [0.0, 1e-38, 1.0, 150.0])
def test_results_under_autocast_are_finite_at_any_level(level):
    leaves = [(level * songs()).requires_grad_(), knobs().requires_grad_()]
    with torch.autocast("cpu", torch.bfloat16):
        mix = CONSOLE(leaves[0], RATE, leaves[1])
        mix.square().mean().backward()
    assert all(torch.isfinite(result).all() for result in (mix, *(leaf.grad for leaf in leaves)))


def test_autocast_does_not_change_the_inverse():
    finished, positions = 0.5 * songs(), knobs()
    with torch.autocast("cpu", torch.bfloat16):
        rough = CONSOLE.invert(finished, RATE, positions)
    assert residual_db(rough, CONSOLE.invert(finished, RATE, positions)) <= -100


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_equals_cpu():
    try:
        for on_gpu, on_cpu in zip(mix_and_gradients("cuda"), mix_and_gradients(), strict=True):
            assert residual_db(on_gpu, on_cpu) <= -60
    finally:
        CONSOLE.to("cpu")


def test_the_mix_does_not_depend_on_the_thread_count():
    audio, positions = songs(4, 3.0), knobs(4)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = CONSOLE(audio, RATE, positions)
        torch.set_num_threads(3)
        assert residual_db(CONSOLE(audio, RATE, positions), alone) <= -120
    finally:
        torch.set_num_threads(before)
