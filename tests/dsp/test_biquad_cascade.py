"""Tests of filters in series: equality with the filters one after another, exact gradients."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from ai_mixer.dsp.biquad_cascade import filter_in_series
from ai_mixer.dsp.filters import Biquad, high_shelf, low_shelf, peak
from ai_mixer.dsp.recursions import biquad
from helpers.measures import residual_db
from helpers.signals import noise

RATE = 8000


def filters(batch=2):
    gains = torch.linspace(-9.0, 6.0, batch, dtype=torch.float64)
    return [
        low_shelf(gains, 200.0, 1.0, RATE),
        peak(gains + 1.0, 900.0, 0.7, RATE),
        high_shelf(-gains, 2500.0, 1.0, RATE),
    ]


def one_by_one(x, series):
    for b, a in series:
        x = biquad(x, b, a)
    return x


def as_function(x, *coefficients):
    return filter_in_series(
        x, [Biquad(*c) for c in zip(coefficients[::2], coefficients[1::2], strict=True)]
    )


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("length", [1, 2, 511, 512, 513, 2000])
def test_equals_the_filters_one_after_another(batch, channels, length):
    """Outputs and gradients, for rows without a pair and any division into parts."""
    x, weights = (noise(batch, channels, length, seed=s, dtype=torch.float64) for s in (0, 1))
    results = []
    for function in (filter_in_series, one_by_one):
        leaf, series = x.clone().requires_grad_(), filters(batch)
        series = [Biquad(*(c.clone().requires_grad_() for c in f)) for f in series]
        y = function(leaf, series)
        leaves = [leaf, *(c for f in series for c in f)]
        results.append([y.detach(), *torch.autograd.grad((y * weights).sum(), leaves)])
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)
    assert torch.equal(filter_in_series(x, filters(batch)), results[0][0])


def test_float32_follows_float64():
    x, series = noise(2, 2, 5000, dtype=torch.float64), filters()
    single = filter_in_series(x.float(), series)
    assert single.dtype == torch.float32
    assert residual_db(single.double(), filter_in_series(x, series)) < -130
    assert torch.equal(single, one_by_one(x.float(), series))


def test_derivatives_are_exact():
    leaves = [noise(2, 2, 20, dtype=torch.float64), *(c for f in filters() for c in f)]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    assert gradcheck(as_function, leaves, fast_mode=True)
    assert gradgradcheck(as_function, leaves, fast_mode=True, atol=1e-5, rtol=1e-3)


def test_no_filter_and_silence():
    x = torch.zeros(1, 2, 5000)
    assert filter_in_series(x, []) is x
    assert not filter_in_series(x, filters(1)).any()
