"""Weights of an ensemble, and spreads that keep their word."""

import numpy as np
import pytest
import torch

from ai_mixer.training.calibration import HALF_WIDTH, SHARE, conformal_factor
from ai_mixer.training.ensemble_weights import MIN_EXAMPLES, learn_member_weights


def lot(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def learned(predictions, knobs, **other):
    mask = other.get("mask", torch.ones_like(knobs, dtype=torch.bool))
    condition = torch.arange(len(knobs)) % 3
    return learn_member_weights(predictions, knobs, mask, condition).softmax(1)


def test_who_knows_a_knob_is_asked_about_it():
    """Member 0 knows knob 0, member 1 knows knob 1: under every condition."""
    knobs = lot(300, 2)
    predictions = torch.full((2, 300, 2), 0.5)
    predictions[0, :, 0], predictions[1, :, 1] = knobs[:, 0], knobs[:, 1]
    weights = learned(predictions, knobs)
    assert (weights[:, 0, 0] > 0.95).all()
    assert (weights[:, 1, 1] > 0.95).all()


def test_errors_that_cancel_are_averaged():
    knobs = lot(300, 1)
    off = 0.2 * (lot(300, 1, seed=1) - 0.5)
    weights = learned(torch.stack([knobs + off, knobs - off]), knobs)
    torch.testing.assert_close(weights, torch.full_like(weights, 0.5), atol=0.02, rtol=0)


@pytest.mark.parametrize("scale", [0.1, 0.01])
def test_members_that_are_all_good_are_told_apart_like_bad_ones(scale):
    """The same errors, only smaller, share out the same weights."""
    knobs, errors = lot(300, 2), 0.3 * (lot(3, 300, 2, seed=1) - 0.5)
    errors[0] /= 4.0
    weights, smaller = (learned(knobs + size * errors, knobs) for size in (1.0, scale))
    assert (weights[:, 0] > 0.7).all()
    torch.testing.assert_close(smaller, weights, atol=0.02, rtol=0)


def test_with_few_examples_all_count_alike():
    knobs = lot(300, 2)
    mask = torch.ones(300, 2, dtype=torch.bool)
    mask[3 * (MIN_EXAMPLES - 1) :, 0] = False
    predictions = torch.stack([knobs, 1 - knobs])
    weights = learned(predictions, knobs, mask=mask)
    torch.testing.assert_close(weights[:, :, 0], torch.full((3, 2), 0.5))
    assert (weights[:, 0, 1] > 0.95).all()


def test_the_mean_of_members_is_never_worse_than_their_mean_error():
    knobs, predictions = lot(200, 3), lot(4, 200, 3, seed=2)
    condition = torch.arange(200) % 3
    weights = learned(predictions, knobs)[condition]
    together = ((weights * predictions.transpose(0, 1)).sum(1) - knobs).abs().mean()
    assert together <= (predictions - knobs).abs().mean()


@pytest.mark.parametrize("wrong", [0.3, 1.0, 4.0])
def test_a_factor_mends_a_spread_that_is_wrong_throughout(wrong):
    rng = np.random.default_rng(0)
    uncertainty = rng.uniform(0.02, 0.2, 4000)
    errors = np.abs(rng.laplace(0.0, uncertainty))
    claimed = HALF_WIDTH * uncertainty * wrong
    found = conformal_factor((errors / claimed)[:2000])
    assert found == pytest.approx(1 / wrong, rel=0.1)
    held = np.mean(errors[2000:] <= found * claimed[2000:])
    assert held == pytest.approx(SHARE, abs=0.03)


def test_masked_errors_do_not_count_and_few_decide_nothing():
    ratios = np.concatenate([np.full(50, np.nan), np.arange(1, 100) / 50])
    assert conformal_factor(ratios) == 1.6
    assert conformal_factor(np.full(MIN_EXAMPLES - 1, 9.0)) is None
