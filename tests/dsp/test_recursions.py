"""Tests of compiled recursions: equality with scipy or a naive loop, exact gradients."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.signal import lfilter
from torch.autograd import gradcheck

from ai_mixer.dsp.one_pole import smooth_attack_release
from ai_mixer.dsp.recursions import biquad
from helpers import signals
from helpers.measures import residual_db

noise = partial(signals.noise, level=1.0, dtype=torch.float64)


def stable_filters(batch, seed=0):
    """Random zeros, complex poles of radius 0.5–0.98."""
    rng = np.random.default_rng(seed)
    radius, angle = rng.uniform(0.5, 0.98, batch), rng.uniform(0.1, 3.0, batch)
    a = np.stack([np.ones(batch), -2 * radius * np.cos(angle), radius**2], axis=1)
    return torch.from_numpy(rng.normal(size=(batch, 3))), torch.from_numpy(a)


@pytest.mark.parametrize(("dtype", "limit_db"), [(torch.float64, -250), (torch.float32, -130)])
def test_biquad_equals_scipy(dtype, limit_db):
    x, (b, a) = noise(3, 2, 2000), stable_filters(3)
    y = biquad(x.to(dtype), b, a)
    assert y.dtype == dtype
    for item in range(3):
        want = lfilter(b[item].numpy(), a[item].numpy(), x[item].to(dtype).double().numpy())
        assert residual_db(y[item].numpy(), want) < limit_db


def test_biquad_gradients_are_exact():
    b, a = stable_filters(2)
    inputs = (noise(2, 2, 30), b, a)
    assert gradcheck(biquad, [t.requires_grad_() for t in inputs])


def test_biquad_gradient_in_float32_follows_float64():
    b, a = stable_filters(1)
    grads = []
    for dtype in (torch.float32, torch.float64):
        x = noise(1, 2, 5000).to(dtype).requires_grad_()
        leaves = [x, b.clone().requires_grad_(), a.clone().requires_grad_()]
        (biquad(*leaves) * noise(1, 2, 5000, seed=1).to(dtype)).sum().backward()
        grads.append([leaf.grad.double() for leaf in leaves])
    for single, double in zip(*grads, strict=True):
        assert residual_db(single.numpy(), double.numpy()) < -100


def test_biquad_is_linear_and_keeps_silence():
    x, z, (b, a) = noise(2, 2, 500), noise(2, 2, 500, seed=1), stable_filters(2)
    both = biquad(2 * x - z, b, a)
    assert residual_db(both.numpy(), (2 * biquad(x, b, a) - biquad(z, b, a)).numpy()) < -250
    assert not biquad(torch.zeros(2, 2, 500), b, a).any()


def test_empty_audio():
    b, a = stable_filters(2)
    assert biquad(torch.zeros(2, 2, 0), b, a).shape == (2, 2, 0)
    pole = torch.tensor([0.5, 0.5])
    assert smooth_attack_release(torch.zeros(2, 0), pole, pole).shape == (2, 0)


def test_a_decayed_state_becomes_zero_not_denormal():
    b, a = stable_filters(1)
    x = torch.zeros(1, 1, 60_000, dtype=torch.float64)
    x[..., 0] = 1.0
    assert not biquad(x, b, a)[..., -1000:].any()


@pytest.mark.parametrize(("songs", "channels"), [(4, 2), (7, 1), (3, 2)])
def test_the_result_does_not_depend_on_the_thread_count(songs, channels):
    x, (b, a) = noise(songs, channels, 90_000, dtype=torch.float32), stable_filters(songs)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = biquad(x, b, a)
        torch.set_num_threads(3)
        assert torch.equal(biquad(x, b, a), alone)
    finally:
        torch.set_num_threads(before)


def naive_attack_release(target, attack, release):
    out, g = [], 0.0
    for c in target:
        pole = attack if c < g else release
        g = pole * g + (1 - pole) * c
        out.append(g)
    return np.array(out)


def test_smoother_equals_a_naive_loop():
    target = -10 * noise(3, 1000).abs()
    attack = torch.tensor([0.5, 0.9, 0.0], dtype=torch.float64)
    release = torch.tensor([0.9, 0.99, 0.7], dtype=torch.float64)
    smooth = smooth_attack_release(target, attack, release)
    for item in range(3):
        want = naive_attack_release(target[item].tolist(), attack[item], release[item])
        assert residual_db(smooth[item].numpy(), want) < -250


def test_smoother_gradients_are_exact():
    target = -10 * noise(2, 40).abs()
    attack = torch.tensor([0.5, 0.9], dtype=torch.float64)
    release = torch.tensor([0.9, 0.8], dtype=torch.float64)
    assert gradcheck(smooth_attack_release, [t.requires_grad_() for t in (target, attack, release)])


@pytest.mark.parametrize("shape", [(2,), (2, 2), (3, 3)])
def test_invalid_shapes(shape):
    with pytest.raises(ValueError, match="biquad: "):
        biquad(torch.zeros(2, 1, 9), torch.zeros(shape), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="smooth_attack_release: "):
        smooth_attack_release(torch.zeros(3, 9), torch.zeros(shape), torch.zeros(3))
