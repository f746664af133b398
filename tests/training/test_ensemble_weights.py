"""Weights of an ensemble's members, and calibration factors."""

import numpy as np
import pytest
import torch

from ai_mixer.training.calibration import HALF_WIDTH, INTERVAL_SHARE, conformal_factor
from ai_mixer.training.ensemble_weights import MIN_EXAMPLES, learn_member_weights


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def member_weights(predictions, knobs, mask=None):
    mask = torch.ones_like(knobs, dtype=torch.bool) if mask is None else mask
    condition = torch.arange(len(knobs)) % 3
    return learn_member_weights(predictions, knobs, mask, condition).softmax(1)


def test_an_exact_member_gets_the_weight_of_its_knob():
    """Member 0 predicts knob 0 exactly, member 1 knob 1, under every condition."""
    knobs = uniform(300, 2)
    predictions = torch.full((2, 300, 2), 0.5)
    predictions[0, :, 0], predictions[1, :, 1] = knobs[:, 0], knobs[:, 1]
    weights = member_weights(predictions, knobs)
    assert (weights[:, 0, 0] > 0.95).all()
    assert (weights[:, 1, 1] > 0.95).all()


def test_members_with_opposite_errors_get_equal_weights():
    knobs = uniform(300, 1)
    error = 0.2 * (uniform(300, 1, seed=1) - 0.5)
    weights = member_weights(torch.stack([knobs + error, knobs - error]), knobs)
    torch.testing.assert_close(weights, torch.full_like(weights, 0.5), atol=0.02, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.1, 0.01])
def test_weights_do_not_depend_on_the_scale_of_the_errors(scale):
    knobs, errors = uniform(300, 2), 0.3 * (uniform(3, 300, 2, seed=1) - 0.5)
    errors[0] /= 4.0
    weights, smaller = (member_weights(knobs + size * errors, knobs) for size in (1.0, scale))
    assert (weights[:, 0] > 0.7).all()
    torch.testing.assert_close(smaller, weights, atol=0.02, rtol=0)


def test_weights_are_equal_with_too_few_examples():
    knobs = uniform(300, 2)
    mask = torch.ones(300, 2, dtype=torch.bool)
    mask[3 * (MIN_EXAMPLES - 1) :, 0] = False
    predictions = torch.stack([knobs, 1 - knobs])
    weights = member_weights(predictions, knobs, mask=mask)
    torch.testing.assert_close(weights[:, :, 0], torch.full((3, 2), 0.5))
    assert (weights[:, 0, 1] > 0.95).all()


def test_weighted_mean_has_at_most_the_mean_error_of_the_members():
    knobs, predictions = uniform(200, 3), uniform(4, 200, 3, seed=2)
    condition = torch.arange(200) % 3
    weights = member_weights(predictions, knobs)[condition]
    ensemble_error = ((weights * predictions.transpose(0, 1)).sum(1) - knobs).abs().mean()
    assert ensemble_error <= (predictions - knobs).abs().mean()


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_conformal_factor_corrects_a_constant_scale_error(scale):
    rng = np.random.default_rng(0)
    uncertainty = rng.uniform(0.02, 0.2, 4000)
    errors = np.abs(rng.laplace(0.0, uncertainty))
    half_width = HALF_WIDTH * uncertainty * scale
    factor = conformal_factor((errors / half_width)[:2000])
    assert factor == pytest.approx(1 / scale, rel=0.1)
    coverage = np.mean(errors[2000:] <= factor * half_width[2000:])
    assert coverage == pytest.approx(INTERVAL_SHARE, abs=0.03)


def test_conformal_factor_ignores_nan_and_needs_enough_examples():
    ratios = np.concatenate([np.full(50, np.nan), np.arange(1, 100) / 50])
    assert conformal_factor(ratios) == 1.6
    assert conformal_factor(np.full(MIN_EXAMPLES - 1, 9.0)) is None
