"""Tests of the vectorised exponential and logarithm: precision over their ranges."""

import numpy as np

from ai_mixer.dsp.vector_math import fast_exp, log_in_place


def test_exponential():
    x = np.linspace(-16, 1, 10_001)
    got = np.array([fast_exp(value) for value in x])
    np.testing.assert_allclose(got, np.exp(x), rtol=3e-8)
    assert fast_exp(0.0) == 1.0


def test_logarithm():
    x = np.geomspace(1e-300, 1e300, 10_001)
    got = x.copy()
    log_in_place(got, np.empty_like(x))
    np.testing.assert_allclose(got, np.log(x), atol=2e-9, rtol=1e-15)


def test_logarithm_of_one_is_zero():
    ones = np.ones(5)
    log_in_place(ones, np.empty(5))
    assert not ones.any()
