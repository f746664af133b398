"""refine: what was given is met, what was said is held, and neither is invented."""

import pytest
import torch
from tests.inference.test_knob_fitting import song

from ai_mixer.console import load_console
from ai_mixer.core.types import Prediction
from ai_mixer.inference.refinement import (
    MID_SIDE_CORRELATION,
    NEIGHBOUR_CORRELATION,
    REFERENCE_STD_DB,
    _whitening_matrix,
    refine,
)

RATE = 24000
DESK = load_console("classic", ranges="wide")
MOVED = {"low_eq": 3.0, "mid_eq": -2.5, "high_eq": -4.0, "presence": 1.3, "stereo_width": 0.7}
KNOBS = DESK.knobs_from(MOVED | {"output_level": 0.8})
FREE = torch.tensor([name in {*MOVED, "output_level"} for name in DESK.names])


def told(off=0.1, uncertainty=0.1):
    """Off by so much, upwards, and about as sure."""
    knobs = torch.where(FREE, (KNOBS + off).clamp(0, 1), KNOBS)
    return Prediction(knobs, torch.full_like(knobs, uncertainty))


def pair(seed=0):
    rough = song(seed)[None]
    return rough, DESK(rough, RATE, KNOBS, limit=False)


def off(found):
    return (found.knobs - KNOBS).abs().max().item()


def test_the_finished_version_is_met():
    found = refine(told(), *pair(), "paired", DESK, RATE, FREE)
    assert off(found) < 0.001
    assert (found.uncertainty[:, FREE] < 0.002).all()


@pytest.mark.parametrize("ranges", ["gentle", "musical", "wide"])
def test_what_is_met_is_not_boasted_of(ranges):
    """However far a knob goes: the errors that are left are of the size that is said."""
    desk = load_console("classic", ranges=ranges)
    free = torch.tensor([name.endswith("_eq") or name == "stereo_width" for name in desk.names])
    true = desk.neutral[None] + 0.2 * free
    said = Prediction(torch.where(free, true + 0.1, true), torch.full_like(true, 0.1))
    rough = song(2)[None]
    found = refine(said, rough, desk(rough, RATE, true), "paired", desk, RATE, free)
    error = (found.knobs - true).abs()[:, free]
    assert (error < 0.005).all()
    assert (error < 5 * found.uncertainty[:, free] + 1e-4).all()


def test_a_reference_brings_them_nearer():
    """Another excerpt of the same production: other noise through the same knobs."""
    rough, _ = pair(0)
    _, reference = pair(1)
    found = refine(told(), rough, reference, "reference", DESK, RATE, FREE)
    left = (found.knobs - KNOBS)[:, FREE].abs().mean()
    assert left < 0.75 * (told().knobs - KNOBS)[:, FREE].abs().mean()
    assert (found.uncertainty[:, FREE] <= 0.1001).all()  # never less sure than before
    assert found.uncertainty[:, FREE].median() < 0.1


def test_what_is_held_stays():
    """Knobs that may not move, one whose spread nobody knows, and one that is sure."""
    said = told()
    column = DESK.names.index("low_eq")
    said.uncertainty[0, column] = torch.nan
    found = refine(said, *pair(), "reference", DESK, RATE, FREE)
    nothing = refine(said, *pair(), "reference", DESK, RATE, FREE & ~FREE)
    assert torch.equal(nothing.knobs, said.knobs)
    still = ~FREE
    still[column] = True
    assert torch.equal(found.knobs[:, still], said.knobs[:, still])
    sure = told(uncertainty=1e-6)
    found = refine(sure, *pair(), "reference", DESK, RATE, FREE)
    torch.testing.assert_close(found.knobs, sure.knobs, atol=1e-3, rtol=0)


def test_a_batch_is_its_songs():
    roughs, references = (torch.cat(both) for both in zip(pair(0), pair(1), strict=True))
    said = Prediction(*(x.expand(2, -1) for x in told()[:2]))
    both = refine(said, roughs, references, "reference", DESK, RATE, FREE)
    one = refine(told(), roughs[1:], references[1:], "reference", DESK, RATE, FREE)
    torch.testing.assert_close(both.knobs[1:], one.knobs, atol=1e-5, rtol=0)


def test_silence_says_nothing():
    said, silence = told(), torch.zeros(1, 2, RATE)
    found = refine(said, silence, silence, "reference", DESK, RATE, FREE)
    torch.testing.assert_close(found.knobs, said.knobs, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.uncertainty, said.uncertainty, atol=1e-3, rtol=0)


def test_differences_of_an_excerpt_become_independent():
    bands = 28
    band = torch.arange(bands, dtype=torch.float64)
    alike = NEIGHBOUR_CORRELATION ** (band[:, None] - band).abs()
    covariance = REFERENCE_STD_DB**2 * torch.cat(
        [
            torch.cat([alike, MID_SIDE_CORRELATION * alike], 1),
            torch.cat([MID_SIDE_CORRELATION * alike, alike], 1),
        ]
    )
    apart = _whitening_matrix(bands)
    torch.testing.assert_close(apart.T @ covariance @ apart, torch.eye(2 * bands).double())


def test_nothing_to_refine_by():
    with pytest.raises(ValueError, match="a reference or the finished version, got blind"):
        refine(told(), *pair(), "blind", DESK, RATE, FREE)
    with pytest.raises(ValueError, match="by how much it may be off"):
        refine(Prediction(KNOBS), *pair(), "paired", DESK, RATE, FREE)


@pytest.mark.parametrize("channels", [(1, 1), (2, 1), (1, 2)])
def test_a_mono_excerpt_says_nothing_of_width(channels):
    (rough, _), (_, reference) = pair(0), pair(1)
    rough, reference = (
        x.mean(1, keepdim=True).expand(-1, n, -1)
        for x, n in zip((rough, reference), channels, strict=True)
    )
    found = refine(told(), rough, reference[..., : 2 * RATE], "reference", DESK, RATE, FREE)
    column = DESK.names.index("stereo_width")
    assert found.knobs[0, column] == pytest.approx(told().knobs[0, column].item(), abs=1e-3)
    level = DESK.names.index("output_level")
    assert abs(found.knobs - KNOBS)[0, level] < 0.05  # the rest is heard
