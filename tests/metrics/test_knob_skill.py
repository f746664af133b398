"""Knob errors as shares of the travel, total gain, and skill."""

import math

import numpy as np
import pytest
import torch

from ai_mixer import load_console
from ai_mixer.core.knob import Knob
from ai_mixer.metrics.knob_skill import (
    headline_knobs,
    knob_errors,
    skill,
    total_gain_db,
    total_gain_travel_db,
)

KNOBS = [
    Knob("input_gain", "ratio", 0.25, 4.0, "log", 1.0),
    Knob("low_eq", "dB", -6.0, 6.0, "linear", 0.0),
    Knob("output_level", "ratio", 0.5, 2.0, "log", 1.0),
]


def test_errors_are_shares_of_the_travel_and_nan_where_masked():
    true = torch.tensor([[0.5, 0.2, 0.5], [0.1, 0.9, 0.5]])
    predicted = torch.tensor([[0.7, 0.3, 0.5], [0.1, 0.0, 0.0]])
    mask = torch.tensor([[True, True, True], [True, False, True]])
    errors = knob_errors(KNOBS, predicted, true, mask)
    assert errors["error/input_gain"].tolist() == pytest.approx([0.2, 0.0])
    assert errors["error/low_eq"][0].item() == pytest.approx(0.1)
    assert errors["error/low_eq"][1].isnan()


def test_opposite_gain_errors_cancel_in_total_gain():
    """Travels of 24.1 and 12.0 dB: +0.1 of the first cancels −0.2 of the second."""
    true = torch.full((3, 3), 0.5, dtype=torch.float64)
    predicted = true + torch.tensor([[0.1, 0.3, -0.2], [0.1, 0.0, 0.2], [0.5, 0.0, 0.5]])
    mask = torch.ones(3, 3, dtype=torch.bool)
    errors = knob_errors(KNOBS, predicted, true, mask)
    travel = total_gain_travel_db(KNOBS)
    assert travel == pytest.approx(20 * math.log10(16 * 4))
    assert errors["error_db/total_gain"].tolist() == pytest.approx(
        [0, travel * 4 / 30, travel / 2], abs=1e-6
    )
    assert errors["error/total_gain"].tolist() == pytest.approx([0, 4 / 30, 0.5])
    mask[0, 2] = False
    assert knob_errors(KNOBS, predicted, true, mask)["error/total_gain"][0].isnan()


def test_gains_in_db_count_as_those_in_ratios():
    in_db = [
        Knob("input_gain", "dB", -12.0, 12.0, "linear", 0.0),
        KNOBS[1],
        Knob("output_level", "dB", -6.0, 6.0, "linear", 0.0),
    ]
    assert total_gain_travel_db(in_db) == 36
    true = torch.full((1, 3), 0.5)
    predicted = true + torch.tensor([[0.1, 0.0, 0.2]])  # 2.4 dB each
    errors = knob_errors(in_db, predicted, true, torch.ones(1, 3, dtype=torch.bool))
    assert errors["error_db/total_gain"].item() == pytest.approx(4.8, abs=1e-5)


def test_console_without_gain_knobs_has_no_total_gain():
    one = torch.zeros(2, 1)
    errors = knob_errors(KNOBS[1:2], one, one, torch.ones(2, 1, dtype=torch.bool))
    assert list(errors) == ["error/low_eq"]


def test_wrong_number_of_positions_names_the_knobs():
    bad = torch.zeros(1, 2)
    with pytest.raises(ValueError, match=r"2 positions for 3 knobs: \['input_gain'"):
        knob_errors(KNOBS, bad, bad, bad.bool())


def test_total_gain_of_settings():
    settings = [{"input_gain": 2.0, "output_level": 0.5}, {"input_gain": 10.0, "low_eq": 3.0}]
    assert total_gain_db(KNOBS, settings) == pytest.approx([0.0, 20.0])


def test_skill_is_0_for_the_baseline_and_1_for_exact_knobs():
    error = np.array([0.1, 0.25, 1 / 3])
    assert skill(error, error).tolist() == [0.0] * 3
    assert skill(0 * error, error).tolist() == [1.0] * 3
    assert skill(2 * error, error).tolist() == [-1.0] * 3
    assert np.isnan(skill(0.0, 0.0))


def test_headline_of_classic_has_nine_knobs():
    names = [*load_console("classic").names, "total_gain"]
    assert len(headline_knobs(names)) == 9
    assert not {"input_gain", "output_level"} & set(headline_knobs(names))


def test_headline_of_mastering_has_no_knob_that_is_not_heard_where_its_effect_does_little():
    console = load_console("mastering")
    headline = headline_knobs([*console.names, "total_gain"])
    shapes = {
        console.names[column]
        for effect, columns in console.effects_with_columns()
        for argument, column in columns.items()
        if argument in effect.shape_knobs
    }
    assert len(headline) == len(set(headline)) == 16
    assert not shapes & set(headline)
    assert not {"compressor_makeup", "level"} & set(headline)


def test_make_up_in_db_and_level_as_a_ratio_add_up_to_the_total_gain():
    console = load_console("mastering", ranges="wide")
    settings = {"compressor_makeup": 3.0, "level": 10 ** (-3 / 20)}
    assert total_gain_db(console.knobs, [settings]) == pytest.approx([0.0])
    knobs = console.knobs_from([settings, {}])
    mask = torch.ones(1, len(console.knobs), dtype=torch.bool)
    errors = knob_errors(console.knobs, knobs[:1], knobs[1:], mask)
    assert errors["error_db/total_gain"].item() == pytest.approx(0.0, abs=1e-4)
