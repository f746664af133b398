"""Predict, then refine: knobs moved until the mix measures as it should, held by what was said.

Two witnesses speak: the model, which says where each knob belongs and how sure it is, and what it
was given, whose levels the mix should have. The knobs sought are the most probable under both
(Bishop, Pattern Recognition and Machine Learning, 2006, section 3.3), found by the descent of
`fitting`, with the console itself between knobs and levels instead of a network's idea of it.

A finished version of the same excerpt must be met in every third of an octave at every moment.
Another excerpt of the production differs: its long-term levels by `REFERENCE_STD_DB` in a band,
neighbouring bands alike, mid and side alike, now and then by far more.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import Prediction
from ai_mixer.dsp.spectra import mid_side, third_octave_power
from ai_mixer.inference.knob_fitting import LevelDifference, levenberg_marquardt, loudest_excerpt

# Of two excerpts of a production, measured on the long-term levels of 208 pairs of 6 s of music.
REFERENCE_STD_DB = 2.0  # standard deviation of the difference in a band, its outliers left aside
NEIGHBOUR_CORRELATION, MID_SIDE_CORRELATION = (
    0.5,
    0.75,
)  # how alike the differences of neighbours, and of mid and side, are
PAIRED_STD_DB = 0.1  # of the same excerpt: what the console cannot do
OUTLIER_STD = {
    "reference": 2.0,
    "paired": 20.0,
}  # standard deviations; beyond, it is another passage
PRIOR_OUTLIER_STD = 1e3  # standard deviations: what was said is never an outlier
FLOOR = 1e-4  # of the loudest band: what lies deeper is not compared
MONO_POWER_RATIO = 1e-6  # power of the side over that of the mid: no width is heard
RENDER_BATCH = 2  # renders of 20 s: more at once take memory and save no time
MAX_STEPS = {"reference": 2, "paired": 12}  # at most; more change little
# What was given is by so much less sure than it seems, so that 80 % of the errors lie in the 80 %
# interval (105 excerpts of validation songs, `wide` and `musical`). Two excerpts differ by more
# than their typical pair says; of the same one thousands of levels are met, better than SAME_DB.
UNCERTAINTY_FACTOR = {"reference": 4.0, "paired": 0.22}

Residuals = Callable[[Tensor], Tensor]
"""Audio [points, C, T] → how unlike what was given it is, [points, N] in standard deviations."""


@torch.no_grad()
def refine(
    prediction: Prediction,
    rough: Tensor,
    target: Tensor,
    condition: str,
    console: Console,
    sample_rate: int,
    movable: Tensor,
) -> Prediction:
    """What was said of roughs [B, C, T], refined by what is given under a condition.

    given: the references [B, C, any length], or the finished versions [B, C, T] if paired. free:
    [P], the knobs that may move; one of unknown spread (NaN) stays, too. Costs some 30 renders of
    each song (reference), 80 of 5 s of it (paired). ValueError if nothing is given, or no spread
    was said.
    """
    if condition not in MAX_STEPS:
        raise ValueError(f"refining needs a reference or the finished version, got {condition}")
    if prediction.uncertainty is None:
        raise ValueError("refining needs a model that says by how much it may be off (a spread)")
    songs = zip(rough, target, prediction.knobs, prediction.uncertainty, strict=True)
    found = [_refine_song(console, sample_rate, condition, movable, *song) for song in songs]
    knobs, uncertainty = zip(*found, strict=True)
    return Prediction(torch.stack(knobs), torch.stack(uncertainty), prediction.genre)


def _refine_song(
    console: Console,
    rate: int,
    condition: str,
    movable: Tensor,
    rough: Tensor,
    target: Tensor,
    knobs: Tensor,
    uncertainty: Tensor,
) -> tuple[Tensor, Tensor]:
    """Knobs and spread of one song, [P] each."""
    moves = (movable & uncertainty.isfinite()).cpu()
    if not moves.any():
        return knobs, uncertainty
    prediction, deviation = (
        knobs.double().cpu(),
        2.0**0.5 * uncertainty.double().cpu(),
    )  # of Laplace's errors
    unlike = RESIDUALS_BY_CONDITION[condition](console, rate, rough, target)

    def doubts(points: Tensor) -> Tensor:
        """Of the model first, then of what was given: [points, N] in standard deviations."""
        everything = prediction.repeat(len(points), 1)
        everything[:, moves] = points
        model = (points - prediction[moves]) / deviation[moves]
        return torch.cat([model, unlike(everything).double()], 1)

    outlier = torch.full((len(doubts(prediction[None, moves])[0]),), OUTLIER_STD[condition])
    outlier[: int(moves.sum())] = PRIOR_OUTLIER_STD
    found = levenberg_marquardt(doubts, prediction[moves], MAX_STEPS[condition], outlier.double())
    prediction[moves] = found.point
    known = torch.diag(deviation[moves] ** -2)  # by the model; the rest by what was given
    sure = known + (found.curvature - known) / UNCERTAINTY_FACTOR[condition] ** 2
    deviation[moves] = torch.linalg.inv(sure).diagonal().clamp_min(0).sqrt()
    return prediction.to(knobs), (deviation / 2.0**0.5).to(uncertainty)


def _reference_residuals(console: Console, rate: int, rough: Tensor, target: Tensor) -> Residuals:
    """By long-term levels of mid and side, their differences made independent of each other."""
    wanted_db, floor = long_term_db(target[None], rate)
    bands = wanted_db.shape[1] // 2
    apart, no_side = _whitening_matrix(bands).to(wanted_db), _is_mono(rough) or _is_mono(target)

    def unlike(points: Tensor) -> Tensor:
        difference_db = (
            torch.cat([levels_db(few) for few in torch.split(points, RENDER_BATCH)]) - wanted_db
        )
        if no_side:  # what is not known is as the rest would have it, and says nothing of its own
            difference_db[:, bands:] = MID_SIDE_CORRELATION * difference_db[:, :bands]
        return (difference_db @ apart).cpu()

    def levels_db(points: Tensor) -> Tensor:
        roughs = rough.expand(len(points), -1, -1)
        mix = console(roughs, rate, points.to(roughs), limit=False)
        return long_term_db(mix, rate, floor)[0]

    return unlike


def _paired_residuals(console: Console, rate: int, rough: Tensor, target: Tensor) -> Residuals:
    """By the levels of every moment of its loudest part."""
    part, lead_in_s = loudest_excerpt(target, rate)
    difference = LevelDifference(console, rate, rough[:, part], target[:, part], lead_in_s)
    return lambda points: difference(points) / PAIRED_STD_DB


RESIDUALS_BY_CONDITION = {"reference": _reference_residuals, "paired": _paired_residuals}


def _is_mono(audio: Tensor) -> bool:
    """Audio [C, T] whose side is as good as silent."""
    mid, side = mid_side(audio[None])[0].square().sum(-1)
    return bool(side <= MONO_POWER_RATIO * mid)


def long_term_db(x: Tensor, rate: int, floor: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Long-term third-octave levels of mid and side: [B, C, T] → [B, 2 · bands] dB, and the floor.

    floor: power that is added, so that what lies deeper is not compared; default 40 dB below the
    loudest band of each.
    """
    power = third_octave_power(mid_side(x), rate).flatten(1)
    floor = power.amax(1, keepdim=True) * FLOOR + 1e-12 if floor is None else floor
    return 10.0 * torch.log10(power + floor), floor


@lru_cache(maxsize=4)
def _whitening_matrix(bands: int) -> Tensor:
    """[2 · bands, 2 · bands], what makes differences in dB [N, 2 · bands] independent of unit size.

    The inverse of the covariance's Cholesky factor, transposed.
    """
    band = torch.arange(bands, dtype=torch.float64)
    neighbours = NEIGHBOUR_CORRELATION ** (band[:, None] - band).abs()
    layers = torch.tensor(
        [[1.0, MID_SIDE_CORRELATION], [MID_SIDE_CORRELATION, 1.0]], dtype=torch.float64
    )
    factor = torch.linalg.cholesky(torch.kron(layers, neighbours) * REFERENCE_STD_DB**2)
    return torch.linalg.inv(factor).T
