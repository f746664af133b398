"""shrink_to_neutral: limits for certain and unknown predictions, and values in between."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.console import load_console
from ai_mixer.core.types import Prediction
from ai_mixer.inference.predictor import Predictor
from ai_mixer.inference.shrinkage import EXPECTED_STD, shrink_to_neutral
from ai_mixer.mixing.console_cache import shared_console

POSITION = st.floats(0.0, 1.0)
UNCERTAINTY = st.floats(1e-3, 1.0)


def shrunk(knob, uncertainty, neutral=0.5, **options):
    knobs, uncertainties, neutrals = (
        torch.tensor([[x]], dtype=torch.float64) for x in (knob, uncertainty, neutral)
    )
    prediction = Prediction(knobs, uncertainties)
    return float(shrink_to_neutral(prediction, neutrals[0], **options).knobs)


@given(POSITION, UNCERTAINTY, POSITION)
def test_shrunk_knob_is_in_range_and_a_certain_one_unchanged(knob, uncertainty, neutral):
    assert 0.0 <= shrunk(knob, uncertainty, neutral) <= 1.0
    assert shrunk(knob, 1e-3, neutral) == pytest.approx(knob, abs=0.01)


@given(POSITION, POSITION)
def test_a_knob_as_uncertain_as_the_prior_becomes_neutral(knob, neutral):
    """0.25 is the mean |error| of the middle of the travel (0.21 for a Laplace distribution)."""
    assert shrunk(knob, 0.25, neutral) == pytest.approx(neutral, abs=1e-9)


@given(POSITION, st.floats(0.01, 0.15))
def test_higher_uncertainty_is_closer_to_neutral(knob, uncertainty):
    assert (
        abs(shrunk(knob, 1.2 * uncertainty) - 0.5) <= abs(shrunk(knob, uncertainty) - 0.5) + 1e-12
    )


@given(UNCERTAINTY)
def test_posterior_is_narrower_than_prior_and_likelihood(uncertainty):
    """Compared as standard deviations; that of a Laplace distribution is √2 times its mean |x|."""
    prediction = Prediction(torch.full((1, 1), 0.7), torch.full((1, 1), uncertainty))
    std = 2**0.5 * float(shrink_to_neutral(prediction, torch.tensor([0.5])).uncertainty)
    assert std <= EXPECTED_STD + 1e-6
    if uncertainty < 0.2:  # above, the likelihood has no information
        assert std < 2**0.5 * uncertainty * (1.0 / (1.0 - 24.0 * uncertainty**2)) ** 0.5


def test_shrunk_knob_equals_bayes_rule_by_hand():
    """σ² = 0.02 under a prior of mean ½ and variance 1/12: the likelihood has precision 38."""
    precision, prior = 1 / 0.02 - 12, 1 / EXPECTED_STD**2
    mean = (0.8 / 0.02 - 6) / precision
    expected = (mean * precision + 0.5 * prior) / (precision + prior)
    assert shrunk(0.8, 0.1) == pytest.approx(expected)


def test_a_wider_prior_shrinks_less():
    assert shrunk(0.8, 0.1, expected_std=0.3) > shrunk(0.8, 0.1, expected_std=0.1)


def card(knobs, **more):
    names = [knob.name for knob in knobs]
    config = {"loader": {"sample_rate": 44100, "excerpt_s": 1.0}}
    means = dict.fromkeys(names, 0.5)
    return {"config": config, "trained": names[:-1], "mean_knobs": means, **more}


def test_predictor_shrinks_trained_knobs_and_sets_untrained_to_neutral():
    console = load_console()
    predictor = Predictor(torch.nn.Identity(), console, card(console.knobs))
    knobs = torch.full((1, len(console.knobs)), 0.9)
    prediction = Prediction(knobs, torch.full_like(knobs, 0.1))
    applied = predictor.shrink(prediction).knobs
    torch.testing.assert_close(applied[:, -1], console.neutral[-1:])
    torch.testing.assert_close(
        applied[:, :-1], shrink_to_neutral(prediction, console.neutral).knobs[:, :-1]
    )
    unknown = predictor.shrink(Prediction(knobs))
    torch.testing.assert_close(unknown.knobs[:, :-1], knobs[:, :-1])
    assert unknown.uncertainty is None


def test_calibration_factors_are_read_from_the_card():
    """A knob without a factor has unknown uncertainty and is not shrunk."""
    console = shared_console()
    factors = {"blind": {"low_eq": 2.0}, "reference": {}, "paired": {}}
    predictor = Predictor(torch.nn.Identity(), console, card(console.knobs, calibration=factors))
    column = console.names.index("low_eq")
    assert predictor.calibration[0, column] == 2.0
    assert predictor.calibration.isnan().sum() == 3 * len(console.knobs) - 1
    knobs = torch.full((1, len(console.knobs)), 0.9)
    applied = predictor.shrink(Prediction(knobs, 0.1 * predictor.calibration[:1])).knobs
    others = torch.arange(len(console.knobs) - 1) != column
    assert (applied[0, :-1][others] == 0.9).all()
    assert applied[0, column] < 0.9
    assert (Predictor(torch.nn.Identity(), console, card(console.knobs)).calibration == 1.0).all()
