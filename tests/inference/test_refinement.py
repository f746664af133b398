"""refine: knobs approach those of the target, within the uncertainty of the prediction."""

import pytest
import torch
from tests.inference.test_knob_fitting import song

from ai_mixer.console import load_console
from ai_mixer.core.types import Prediction
from ai_mixer.inference.long_term_levels import (
    MID_SIDE_CORRELATION,
    NEIGHBOUR_CORRELATION,
    REFERENCE_STD_DB,
    whitening_matrix,
)
from ai_mixer.inference.refinement import refine

RATE = 24000
CONSOLE = load_console("classic", ranges="wide")
SETTINGS = {"low_eq": 3.0, "mid_eq": -2.5, "high_eq": -4.0, "presence": 1.3, "stereo_width": 0.7}
KNOBS = CONSOLE.knobs_from(SETTINGS | {"output_level": 0.8})
MOVABLE = torch.tensor([name in {*SETTINGS, "output_level"} for name in CONSOLE.names])


def predicted(error=0.1, uncertainty=0.1):
    """The true knobs plus `error`."""
    knobs = torch.where(MOVABLE, (KNOBS + error).clamp(0, 1), KNOBS)
    return Prediction(knobs, torch.full_like(knobs, uncertainty))


def pair(seed=0):
    rough = song(seed)[None]
    return rough, CONSOLE(rough, RATE, KNOBS, limit=False)


def test_paired_refinement_recovers_the_knobs():
    refined = refine(predicted(), *pair(), "paired", CONSOLE, RATE, MOVABLE)
    assert (refined.knobs - KNOBS).abs().max() < 0.001
    assert (refined.uncertainty[:, MOVABLE] < 0.002).all()


@pytest.mark.parametrize("ranges", ["gentle", "musical", "wide"])
def test_uncertainty_after_paired_refinement_matches_the_errors(ranges):
    """For any knob range, the remaining errors have the size of the predicted uncertainty."""
    console = load_console("classic", ranges=ranges)
    movable = torch.tensor(
        [name.endswith("_eq") or name == "stereo_width" for name in console.names]
    )
    true = console.neutral[None] + 0.2 * movable
    prediction = Prediction(torch.where(movable, true + 0.1, true), torch.full_like(true, 0.1))
    rough = song(2)[None]
    refined = refine(
        prediction, rough, console(rough, RATE, true), "paired", console, RATE, movable
    )
    error = (refined.knobs - true).abs()[:, movable]
    assert (error < 0.005).all()
    assert (error < 5 * refined.uncertainty[:, movable] + 1e-4).all()


def test_reference_refinement_reduces_the_errors():
    """Another excerpt of the same production: other noise through the same knobs."""
    rough, _ = pair(0)
    _, reference = pair(1)
    refined = refine(predicted(), rough, reference, "reference", CONSOLE, RATE, MOVABLE)
    error = (refined.knobs - KNOBS)[:, MOVABLE].abs().mean()
    assert error < 0.75 * (predicted().knobs - KNOBS)[:, MOVABLE].abs().mean()
    assert (refined.uncertainty[:, MOVABLE] <= 0.1001).all()  # not above the predicted 0.1
    assert refined.uncertainty[:, MOVABLE].median() < 0.1


def test_fixed_unknown_and_certain_knobs_do_not_change():
    """Knobs that are not movable, one of unknown uncertainty, and nearly certain ones."""
    prediction = predicted()
    column = CONSOLE.names.index("low_eq")
    prediction.uncertainty[0, column] = torch.nan
    refined = refine(prediction, *pair(), "reference", CONSOLE, RATE, MOVABLE)
    unmoved = refine(prediction, *pair(), "reference", CONSOLE, RATE, MOVABLE & ~MOVABLE)
    assert torch.equal(unmoved.knobs, prediction.knobs)
    fixed = ~MOVABLE
    fixed[column] = True
    assert torch.equal(refined.knobs[:, fixed], prediction.knobs[:, fixed])
    certain = predicted(uncertainty=1e-6)
    refined = refine(certain, *pair(), "reference", CONSOLE, RATE, MOVABLE)
    torch.testing.assert_close(refined.knobs, certain.knobs, atol=1e-3, rtol=0)


def test_batch_equals_single_songs():
    roughs, references = (torch.cat(both) for both in zip(pair(0), pair(1), strict=True))
    prediction = Prediction(*(x.expand(2, -1) for x in predicted()[:2]))
    both = refine(prediction, roughs, references, "reference", CONSOLE, RATE, MOVABLE)
    one = refine(predicted(), roughs[1:], references[1:], "reference", CONSOLE, RATE, MOVABLE)
    torch.testing.assert_close(both.knobs[1:], one.knobs, atol=1e-5, rtol=0)


def test_silence_does_not_change_the_prediction():
    prediction, silence = predicted(), torch.zeros(1, 2, RATE)
    refined = refine(prediction, silence, silence, "reference", CONSOLE, RATE, MOVABLE)
    torch.testing.assert_close(refined.knobs, prediction.knobs, atol=1e-3, rtol=0)
    torch.testing.assert_close(refined.uncertainty, prediction.uncertainty, atol=1e-3, rtol=0)


def test_whitening_matrix_gives_unit_covariance():
    bands = 28
    band = torch.arange(bands, dtype=torch.float64)
    neighbours = NEIGHBOUR_CORRELATION ** (band[:, None] - band).abs()
    covariance = REFERENCE_STD_DB**2 * torch.cat(
        [
            torch.cat([neighbours, MID_SIDE_CORRELATION * neighbours], 1),
            torch.cat([MID_SIDE_CORRELATION * neighbours, neighbours], 1),
        ]
    )
    whitening = whitening_matrix(bands)
    torch.testing.assert_close(whitening.T @ covariance @ whitening, torch.eye(2 * bands).double())


def test_missing_target_or_uncertainty_is_an_error():
    with pytest.raises(ValueError, match=r"reference.*blind"):
        refine(predicted(), *pair(), "blind", CONSOLE, RATE, MOVABLE)
    with pytest.raises(ValueError, match="uncertainty"):
        refine(Prediction(KNOBS), *pair(), "paired", CONSOLE, RATE, MOVABLE)


@pytest.mark.parametrize("channels", [(1, 1), (2, 1), (1, 2)])
def test_a_mono_excerpt_does_not_change_the_width(channels):
    (rough, _), (_, reference) = pair(0), pair(1)
    rough, reference = (
        x.mean(1, keepdim=True).expand(-1, n, -1)
        for x, n in zip((rough, reference), channels, strict=True)
    )
    refined = refine(
        predicted(), rough, reference[..., : 2 * RATE], "reference", CONSOLE, RATE, MOVABLE
    )
    column = CONSOLE.names.index("stereo_width")
    assert refined.knobs[0, column] == pytest.approx(predicted().knobs[0, column].item(), abs=1e-3)
    level = CONSOLE.names.index("output_level")
    assert abs(refined.knobs - KNOBS)[0, level] < 0.05  # other knobs are refined
