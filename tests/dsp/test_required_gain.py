"""The gain each sample needs: its definition by convolution, and that nothing is overlooked."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch.autograd import gradcheck

from ai_mixer.dsp.required_gain import AROUND, KINDS, Look, needed_gain_db
from ai_mixer.dsp.true_peak import FAR, NEAR, envelope_by_convolution, phases
from helpers.signals import noise

EXHAUSTIVE = Look(bend=math.inf, near=math.inf, far=0.0)
THRESHOLD, TARGET = 0.9, 0.85


def swelling(length=40_000):
    """From silence to far over the threshold, white and, on the other channel, dull."""
    x = noise(2, 2, length, level=1.0).double() * torch.linspace(0, 1.5, length) ** 3
    x[:, 1] = torch.cumsum(x[:, 1], dim=-1) * 0.1
    return x


def by_definition(x):
    peaks = [envelope_by_convolution(x, phases(8, kind)) for kind in KINDS]
    peak = torch.maximum(*peaks).amax(dim=1)[..., AROUND:-AROUND]
    return torch.where(peak > THRESHOLD, 20 * torch.log10(TARGET / peak), 0.0)


@pytest.mark.parametrize("length", [1, 2, 31, 255, 256, 257, 3000])
def test_equals_its_definition(length):
    x = 0.5 * noise(3, 2, length + 2 * AROUND, seed=1, level=1.0).double()
    needed = needed_gain_db(x, THRESHOLD, TARGET)
    torch.testing.assert_close(needed, by_definition(x), rtol=0, atol=1e-10)
    single = needed_gain_db(x.float(), THRESHOLD, TARGET)
    assert single.dtype == torch.float64
    torch.testing.assert_close(single, needed, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_looking_everywhere_gives_the_same_bits(dtype):
    x = swelling().to(dtype)
    for level in (0.1, 0.3, 1.0):
        quick = needed_gain_db(level * x, THRESHOLD, TARGET)
        assert torch.equal(quick, needed_gain_db(level * x, THRESHOLD, TARGET, look=EXHAUSTIVE))
        assert quick.any()
        assert not quick.all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("oversample", [4, 8, 16])
def test_what_the_third_look_leaves_out_cannot_matter(kind, oversample):
    """Linear programs find, for every phase, weights of five points and the least rest."""
    taps = 2 * kind.half
    half_way = phases(2, kind).numpy()
    points = np.vstack([np.eye(taps)[kind.half - 2 : kind.half + 2], half_way]).T
    for phase in phases(oversample, kind).numpy():
        # Weights and rest are differences of two positive parts: their sum is their size.
        split = np.hstack([points, -points, np.eye(taps), -np.eye(taps)])
        weights, rest = np.zeros((2, split.shape[1]))
        weights[:10], rest[10:] = 1, 1
        best = linprog(rest, A_ub=weights[None], b_ub=[NEAR], A_eq=split, b_eq=phase)
        assert best.status == 0
        assert best.fun < FAR


def test_gradient():
    x = (0.5 * noise(2, 2, 30 + 2 * AROUND, seed=2, level=1.0).double()).requires_grad_()
    assert gradcheck(lambda x: needed_gain_db(x, THRESHOLD, TARGET), x)
    weights = noise(2, 30, seed=3, level=1.0).double()
    (own,) = torch.autograd.grad((needed_gain_db(x, THRESHOLD, TARGET) * weights).sum(), x)
    (defined,) = torch.autograd.grad((by_definition(x) * weights).sum(), x)
    torch.testing.assert_close(own, defined)


def test_broken_audio_harms_only_its_neighbours():
    x = 0.5 * noise(1, 2, 4000, seed=4, level=1.0).double()
    broken = x.clone()
    broken[0, 0, 2000] = math.nan
    whole, needed = (needed_gain_db(signal, THRESHOLD, TARGET) for signal in (x, broken))
    assert torch.equal(needed[:, :1500], whole[:, :1500])
    assert torch.equal(needed[:, 2500:], whole[:, 2500:])
    assert needed.isfinite().all()
