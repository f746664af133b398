"""Second derivatives of the compiled functions, and `torch.func` on them."""

import pytest
import torch
from torch.autograd import gradgradcheck

from ai_mixer.dsp.compressor import StaticCurve, compress
from ai_mixer.dsp.k_weighting import hop_energies
from ai_mixer.dsp.lookahead import Ballistics, lookahead_gain_db
from ai_mixer.dsp.one_pole import one_pole, smooth_attack_release
from ai_mixer.dsp.recursions import biquad
from ai_mixer.dsp.required_gain import CONTEXT_SAMPLES, required_gain_db
from ai_mixer.dsp.spectra import short_time_power
from helpers.signals import noise

POLES = torch.tensor([0.5, 0.9], dtype=torch.float64)
CURVE = StaticCurve(threshold_db=-18.0, knee_db=6.0, max_reduction_db=9.0)
BALLISTICS = Ballistics(ramp=8, guard=3, release=0.9, memory=0.95)


def rows(length, level=1.0):
    return noise(2, length, level=level, dtype=torch.float64)


def songs(length, level=1.0):
    return noise(2, 2, length, level=level, dtype=torch.float64)


def coefficients(first):
    return torch.tensor([[first, -0.5, 0.2], [first, 0.4, 0.3]], dtype=torch.float64)


FUNCTIONS = {  # name: function, batched arguments
    "biquad": (biquad, (songs(30), coefficients(0.7), coefficients(1.0))),
    "one pole": (lambda x, pole: one_pole(x, 0.9 * pole.sin()), (rows(30), rows(30))),
    "smoothing": (smooth_attack_release, (-rows(30).abs(), POLES, POLES.sqrt())),
    "compress": (lambda x, s: compress(x, s, POLES, CURVE), (songs(30), POLES)),
    "look-ahead": (
        lambda x: lookahead_gain_db(-x.square(), BALLISTICS),
        (rows(60),),
    ),
    "required gain": (
        lambda x: required_gain_db(x, 0.5, 0.49),
        (songs(20 + 2 * CONTEXT_SAMPLES),),
    ),
    "hop energies": (lambda x: hop_energies(x, 8000, 10), (songs(45),)),
    "short-time power": (
        lambda x: short_time_power(x, torch.hann_window(16).double(), 16, 5),
        (songs(45),),
    ),
}
for_each_function = pytest.mark.parametrize(
    ("function", "inputs"), FUNCTIONS.values(), ids=FUNCTIONS.keys()
)


@for_each_function
def test_second_derivatives_are_exact(function, inputs):
    leaves = [x.clone().requires_grad_() for x in inputs]
    assert gradgradcheck(function, leaves, fast_mode=True, atol=1e-5, rtol=1e-3)


@for_each_function
def test_gradients_per_item_by_torch_func_equal_autograd(function, inputs):
    def total(*item):
        return function(*(x[None] for x in item)).square().sum()

    every = tuple(range(len(inputs)))
    got = torch.func.vmap(torch.func.grad(total, argnums=every))(*inputs)
    leaves = [x.clone().requires_grad_() for x in inputs]
    want = torch.autograd.grad(function(*leaves).square().sum(), leaves)
    torch.testing.assert_close(got, want, rtol=1e-7, atol=1e-10)
