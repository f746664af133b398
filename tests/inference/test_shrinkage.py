"""Held back where unsure: the two ends, and everything between."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.console import load_console
from ai_mixer.core.types import Prediction
from ai_mixer.inference.predictor import Predictor
from ai_mixer.inference.shrinkage import EXPECTED_STD, shrink_to_neutral
from ai_mixer.mixing.console_cache import shared_console

SHARE = st.floats(0.0, 1.0)
SPREAD = st.floats(1e-3, 1.0)


def held(knob, uncertainty, neutral=0.5, **other):
    said = Prediction(
        *(torch.tensor([[value]], dtype=torch.float64) for value in (knob, uncertainty))
    )
    return float(
        shrink_to_neutral(said, torch.tensor([neutral], dtype=torch.float64), **other).knobs
    )


@given(SHARE, SPREAD, SHARE)
def test_between_neutral_and_what_was_told(knob, uncertainty, neutral):
    """Never beyond 0–1, and a sure model is taken at its word."""
    assert 0.0 <= held(knob, uncertainty, neutral) <= 1.0
    assert held(knob, 1e-3, neutral) == pytest.approx(knob, abs=0.01)


@given(SHARE, SHARE)
def test_who_knows_nothing_is_not_asked(knob, neutral):
    """0.25 is how far off the middle of the travel is on average, 0.21 as a Laplace's spread."""
    assert held(knob, 0.25, neutral) == pytest.approx(neutral, abs=1e-9)


@given(SHARE, st.floats(0.01, 0.15))
def test_the_less_sure_the_nearer_to_neutral(knob, uncertainty):
    assert abs(held(knob, 1.2 * uncertainty) - 0.5) <= abs(held(knob, uncertainty) - 0.5) + 1e-12


@given(SPREAD)
def test_two_beliefs_are_surer_than_either(uncertainty):
    """As standard deviations: of a Laplace with this mean error, and of what is expected."""
    said = Prediction(torch.full((1, 1), 0.7), torch.full((1, 1), uncertainty))
    left = 2**0.5 * float(shrink_to_neutral(said, torch.tensor([0.5])).uncertainty)
    assert left <= EXPECTED_STD + 1e-6
    if uncertainty < 0.2:  # beyond, the sound told nothing
        assert left < 2**0.5 * uncertainty * (1.0 / (1.0 - 24.0 * uncertainty**2)) ** 0.5


def test_bayes_by_hand():
    """σ² = 0.02 under a prior of mean ½ and variance 1/12: 38 of precision from the sound."""
    sound, prior = 1 / 0.02 - 12, 1 / EXPECTED_STD**2
    told = (0.8 / 0.02 - 6) / sound
    assert held(0.8, 0.1) == pytest.approx((told * sound + 0.5 * prior) / (sound + prior))


def test_far_off_roughs_are_expected_or_not():
    assert held(0.8, 0.1, expected_std=0.3) > held(0.8, 0.1, expected_std=0.1)


def card(knobs, **more):
    names = [knob.name for knob in knobs]
    config = {"loader": {"sample_rate": 44100, "excerpt_s": 1.0}}
    means = dict.fromkeys(names, 0.5)
    return {"config": config, "trained": names[:-1], "mean_knobs": means, **more}


def test_a_mixer_holds_back_and_leaves_what_it_never_learned():
    desk = load_console()
    mixer = Predictor(torch.nn.Identity(), desk, card(desk.knobs))
    knobs = torch.full((1, len(desk.knobs)), 0.9)
    said = Prediction(knobs, torch.full_like(knobs, 0.1))
    applied = mixer.shrink(said).knobs
    torch.testing.assert_close(applied[:, -1], desk.neutral[-1:])
    torch.testing.assert_close(applied[:, :-1], shrink_to_neutral(said, desk.neutral).knobs[:, :-1])
    left = mixer.shrink(Prediction(knobs))
    torch.testing.assert_close(left.knobs[:, :-1], knobs[:, :-1])
    assert left.uncertainty is None


def test_factors_come_from_the_card():
    """Of a knob too seldom seen nobody knows how far off it is: it is mixed as said."""
    desk = shared_console()
    nothing = {"blind": {}, "reference": {}, "paired": {}}
    factors = nothing | {"blind": {"low_eq": 2.0}}
    mixer = Predictor(torch.nn.Identity(), desk, card(desk.knobs, calibration=factors))
    column = desk.names.index("low_eq")
    assert mixer.calibration[0, column] == 2.0
    assert mixer.calibration.isnan().sum() == 3 * len(desk.knobs) - 1
    knobs = torch.full((1, len(desk.knobs)), 0.9)
    applied = mixer.shrink(Prediction(knobs, 0.1 * mixer.calibration[:1])).knobs
    others = torch.arange(len(desk.knobs) - 1) != column
    assert (applied[0, :-1][others] == 0.9).all()
    assert applied[0, column] < 0.9
    assert (Predictor(torch.nn.Identity(), desk, card(desk.knobs)).calibration == 1.0).all()
