"""Knobs of a console with many: the curve of the linear effects, then the compressor."""

import numpy as np
import pytest
import torch
from tests.inference.test_knob_fitting import song

from ai_mixer import fit_knobs, load_console
from ai_mixer.console.frequency_response import response_db
from ai_mixer.core.types import Prediction
from ai_mixer.inference.correction_curve import (
    console_curve,
    curve_prior,
    fit_curve,
    posterior_curve,
)
from ai_mixer.inference.curve_refinement import has_shape_knobs
from ai_mixer.inference.long_term_levels import whitening_matrix
from ai_mixer.inference.refinement import refine
from ai_mixer.inference.staged_fit import curve_start, without_idle_shapes

RATE = 44_100
MASTERING = load_console("mastering", ranges="wide")
FREQUENCIES = torch.logspace(np.log10(31.5), np.log10(16_000), 100, dtype=torch.float64)
SETTINGS = {
    **{"low_shelf_gain": 4.0, "low_shelf_frequency": 70.0, "band2_gain": -5.0, "band2_q": 2.0},
    **{"band3_frequency": 1900.0, "band3_gain": 3.0, "band4_gain": 2.0, "high_shelf_gain": -4.0},
    **{"low_width": 0.7, "high_width": 1.5, "level": 0.8},
}


def rms_db(fitted, settings):
    """Difference of the responses of mid and side, without that of the levels."""
    both = torch.stack([fitted, MASTERING.knobs_from(settings)[0].double()])
    curves = response_db(MASTERING, both, FREQUENCIES, RATE)
    return float((curves[0] - curves[1]).square().mean().sqrt())


def test_linear_effects_are_found_without_rendering():
    rough = song(rate=RATE)
    finished = MASTERING(rough[None], RATE, MASTERING.knobs_from(SETTINGS), limit=False)[0]
    found = curve_start(MASTERING, RATE, rough, finished, MASTERING.neutral.double())
    assert rms_db(found, SETTINGS) < 0.2


@pytest.mark.slow
def test_equaliser_and_compressor_are_fitted():
    settings = SETTINGS | {"compressor_ratio": 3.0, "compressor_threshold": -24.0}
    rough = song(rate=RATE, seconds=1.5)
    finished = MASTERING(rough[None], RATE, MASTERING.knobs_from(settings), limit=False)[0]
    fit = fit_knobs(rough, finished, MASTERING, RATE)
    found = MASTERING.settings(fit.knobs)[0]
    assert fit.error_db < 0.1
    assert found["compressor_ratio"] > 1.5
    assert found["compressor_makeup"] == pytest.approx(0.0, abs=1e-3)
    for name in ("low_band_ratio", "mid_band_ratio", "high_band_ratio"):
        assert found[name] == pytest.approx(1.0)  # idle effects are neutral
    assert found["saturation_drive"] == 0.0


def test_knobs_of_identical_audio_are_neutral():
    rough = song(rate=RATE, seconds=1.2)
    fit = fit_knobs(rough, rough, MASTERING, RATE)
    assert (fit.knobs - MASTERING.neutral).abs().max() < 0.01


def test_shapes_of_effects_that_do_nothing_are_neutral():
    knobs = MASTERING.neutral.double() + 0.002
    moved = MASTERING.names.index("band2_gain")
    knobs[moved] = 0.9
    tidy = dict(zip(MASTERING.names, without_idle_shapes(MASTERING, knobs) - knobs, strict=True))
    assert tidy["band1_frequency"] == tidy["compressor_knee"] == pytest.approx(-0.002)
    assert tidy["band2_frequency"] == tidy["band2_q"] == 0.0


def test_only_consoles_with_frequencies_as_knobs_are_fitted_in_stages():
    assert has_shape_knobs(MASTERING)
    assert not has_shape_knobs(load_console("classic"))


def prior_of(std=0.15):
    movable = torch.tensor([not name.startswith("compressor") for name in MASTERING.names])
    stds = torch.full((len(MASTERING.names),), std, dtype=torch.float64)
    return curve_prior(MASTERING, MASTERING.neutral.double(), stds, movable, RATE), stds, movable


def test_posterior_is_smoother_than_the_differences_and_ignores_an_outlier():
    """A shelf of 4 dB seen through noise, and one band that is 25 dB off."""
    prior, *_ = prior_of()
    shelf = MASTERING.knobs_from({"high_shelf_gain": 4.0}).double()
    true = console_curve(MASTERING, shelf, RATE)[0]
    whitening, generator = whitening_matrix(len(true) // 2), torch.Generator().manual_seed(0)
    noise = torch.randn(16, len(true), generator=generator, dtype=torch.float64)
    noise = torch.linalg.solve(whitening.T, noise.T).T
    outlier = torch.zeros_like(true).index_fill(0, torch.tensor(5), 25.0)
    found = torch.stack(
        [posterior_curve(true + seen + outlier, prior, whitening, 2.0) for seen in noise]
    )
    assert (found - true).square().mean() < 0.5 * noise.square().mean()
    assert (found - true)[:, 5].square().mean().sqrt() < 3.0


def test_a_curve_of_the_console_is_fitted_and_other_knobs_stay():
    _, stds, movable = prior_of()
    knobs = MASTERING.knobs_from(SETTINGS).double()
    curve = console_curve(MASTERING, knobs, RATE)[0]
    start = Prediction(MASTERING.neutral.double(), stds)
    found = fit_curve(MASTERING, curve, start, movable, RATE, 0.05)
    assert (console_curve(MASTERING, found[None], RATE)[0] - curve).square().mean().sqrt() < 0.2
    assert torch.equal(found[~movable], MASTERING.neutral.double()[~movable])


def test_reference_refinement_brings_the_curve_closer():
    """Another excerpt of the same production, and a prediction that is neutral and uncertain."""
    knobs = MASTERING.knobs_from(SETTINGS)
    reference = MASTERING(song(1, rate=RATE)[None], RATE, knobs, limit=False)
    neutral = MASTERING.neutral[None]
    prediction = Prediction(neutral, torch.full_like(neutral, 0.1))
    prediction.uncertainty[0, MASTERING.names.index("band1_gain")] = torch.nan
    movable = torch.tensor([name not in {"low_cut", "mono_bass"} for name in MASTERING.names])
    refined = refine(
        prediction, song(0, rate=RATE)[None], reference, "reference", MASTERING, RATE, movable
    )
    assert rms_db(refined.knobs[0].double(), SETTINGS) < 0.5 * rms_db(neutral[0].double(), SETTINGS)
    column = MASTERING.names.index("band1_gain")
    assert refined.knobs[0, column] == neutral[0, column]
    assert refined.uncertainty[0, column].isnan()
    gain = MASTERING.names.index("high_shelf_gain")
    assert refined.uncertainty[0, gain] < 0.1
