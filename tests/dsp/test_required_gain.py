"""Tests of the required gain: equality with its definition, correctness of skipping."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch.autograd import gradcheck
from torch.nn.functional import pad

from ai_mixer.dsp.required_gain import (
    CONTEXT_SAMPLES,
    INTERPOLATORS,
    PruningBounds,
    required_gain_db,
)
from ai_mixer.dsp.true_peak import FAR_WEIGHT, NEAR_WEIGHT, envelope_by_convolution, phase_filters
from helpers.signals import noise

EXHAUSTIVE = PruningBounds(curvature_weight=math.inf, near_weight=math.inf, far_weight=0.0)
THRESHOLD, TARGET = 0.9, 0.85


def swelling(length=40_000):
    """From silence to far over the threshold: white noise and, on the right, brown noise."""
    x = noise(2, 2, length, level=1.0).double() * torch.linspace(0, 1.5, length) ** 3
    x[:, 1] = torch.cumsum(x[:, 1], dim=-1) * 0.1
    return x


def by_definition(x):
    peaks = [envelope_by_convolution(x, 8, kind) for kind in INTERPOLATORS]
    peak = torch.maximum(*peaks).amax(dim=1)[..., CONTEXT_SAMPLES:-CONTEXT_SAMPLES]
    return torch.where(peak > THRESHOLD, 20 * torch.log10(TARGET / peak), 0.0)


@pytest.mark.parametrize("length", [1, 2, 31, 255, 256, 257, 3000])
def test_equals_its_definition(length):
    x = 0.5 * noise(3, 2, length + 2 * CONTEXT_SAMPLES, seed=1, level=1.0).double()
    needed = required_gain_db(x, THRESHOLD, TARGET)
    torch.testing.assert_close(needed, by_definition(x), rtol=0, atol=1e-10)
    single = required_gain_db(x.float(), THRESHOLD, TARGET)
    assert single.dtype == torch.float64
    torch.testing.assert_close(single, needed, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_skipping_does_not_change_the_result(dtype):
    x = swelling().to(dtype)
    for level in (0.1, 0.3, 1.0):
        quick = required_gain_db(level * x, THRESHOLD, TARGET)
        assert torch.equal(quick, required_gain_db(level * x, THRESHOLD, TARGET, bounds=EXHAUSTIVE))
        assert quick.any()
        assert not quick.all()


@pytest.mark.parametrize("kind", INTERPOLATORS)
@pytest.mark.parametrize("oversample", [4, 8, 16])
def test_the_weights_bound_every_phase(kind, oversample):
    """Linear programs find, for each phase, weights of five points with the least remainder."""
    taps = 2 * kind.half
    half_way = phase_filters(2, kind).numpy()
    points = np.vstack([np.eye(taps)[kind.half - 2 : kind.half + 2], half_way]).T
    for phase in phase_filters(oversample, kind).numpy():
        # Signed variables as differences of two positive ones, whose sum is the absolute value.
        signed = np.hstack([points, -points, np.eye(taps), -np.eye(taps)])
        weights, remainder = np.zeros((2, signed.shape[1]))
        weights[:10], remainder[10:] = 1, 1
        best = linprog(remainder, A_ub=weights[None], b_ub=[NEAR_WEIGHT], A_eq=signed, b_eq=phase)
        assert best.status == 0
        assert best.fun < FAR_WEIGHT


def test_gradient():
    x = (0.5 * noise(2, 2, 30 + 2 * CONTEXT_SAMPLES, seed=2, level=1.0).double()).requires_grad_()
    assert gradcheck(lambda x: required_gain_db(x, THRESHOLD, TARGET), x)
    weights = noise(2, 30, seed=3, level=1.0).double()
    (own,) = torch.autograd.grad((required_gain_db(x, THRESHOLD, TARGET) * weights).sum(), x)
    (defined,) = torch.autograd.grad((by_definition(x) * weights).sum(), x)
    torch.testing.assert_close(own, defined)


@pytest.mark.parametrize("samples", [1, 40, 700])
def test_margin_is_silence_around(samples):
    x = noise(3, 2, samples, seed=5, level=1.0).double().requires_grad_()
    margin, weights = 2 * CONTEXT_SAMPLES, noise(3, samples + 96, seed=6, level=1.0).double()
    results = []
    for signal, silence in ((x, margin), (pad(x, (margin, margin)), 0)):
        needed = required_gain_db(signal, THRESHOLD, TARGET, margin=silence)
        (grad,) = torch.autograd.grad((needed * weights).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(grad.square().sum(), x)
        results.append((needed, grad, second))
    assert results[0][0].any()
    for own, padded in zip(*results, strict=True):
        torch.testing.assert_close(own, padded, rtol=1e-12, atol=1e-12)


def test_nan_affects_only_nearby_samples():
    x = 0.5 * noise(1, 2, 4000, seed=4, level=1.0).double()
    broken = x.clone()
    broken[0, 0, 2000] = math.nan
    whole, needed = (required_gain_db(signal, THRESHOLD, TARGET) for signal in (x, broken))
    assert torch.equal(needed[:, :1500], whole[:, :1500])
    assert torch.equal(needed[:, 2500:], whole[:, 2500:])
    assert needed.isfinite().all()
