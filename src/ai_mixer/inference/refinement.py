"""Refine predicted knobs with the levels of a reference or of the finished version.

The refined knobs are the most probable ones given the prediction with its uncertainty (the prior)
and the levels of the target (the likelihood; Bishop, Pattern Recognition and Machine Learning,
2006, section 3.3). They are found by `levenberg_marquardt`, rendering with the console itself.

A finished version of the same excerpt must be matched in every third of an octave and every frame.
A reference is another excerpt of the production: its long-term levels differ as
`long_term_levels` describes. For a console with frequencies or Q as knobs, the correction curve is
estimated first (`curve_refinement`).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import Condition, Prediction
from ai_mixer.inference.curve_refinement import has_shape_knobs, refine_by_curve
from ai_mixer.inference.level_difference import LevelDifference, loudest_excerpt
from ai_mixer.inference.levenberg_marquardt import levenberg_marquardt
from ai_mixer.inference.long_term_levels import (
    MID_SIDE_CORRELATION,
    is_mono,
    long_term_db,
    whitening_matrix,
)

PAIRED_STD_DB = 0.1  # of the same excerpt: effects outside the console
OUTLIER_STD = {"reference": 2.0, "paired": 20.0}  # standard deviations; beyond: another passage
PRIOR_OUTLIER_STD = 1e3  # standard deviations; a prediction is never an outlier
RENDER_BATCH = 2  # renders of 20 s; more take memory and save no time
MAX_STEPS = {"reference": 2, "paired": 12}  # further steps change little
# Factor on the standard deviation of the likelihood with which 80 % of the errors are in the 80 %
# interval (105 excerpts of validation songs, `wide` and `musical`). Two excerpts differ by more
# than a typical pair; the thousands of levels of the same excerpt match better than PAIRED_STD_DB.
UNCERTAINTY_FACTOR = {"reference": 4.0, "paired": 0.22}

Residuals = Callable[[Tensor], Tensor]
"""Positions [points, P] → differences to the target [points, N] in standard deviations."""


class RefinementAudio(NamedTuple):
    """What a prediction is refined with: roughs [B, C, T] and their targets, see `refine`."""

    rough: Tensor
    target: Tensor
    condition: Condition
    sample_rate: int


@torch.no_grad()
def refine(
    prediction: Prediction,
    rough: Tensor,
    target: Tensor,
    condition: Condition,
    console: Console,
    sample_rate: int,
    movable: Tensor,
) -> Prediction:
    """Refine the prediction for roughs [B, C, T] with a target under a condition.

    target: references [B, C, any length], or finished versions [B, C, T] if paired. movable: [P],
    the knobs that may change; one of unknown uncertainty (NaN) does not change either. Costs about
    30 renders of each song (reference) or 80 renders of 5 s (paired). ValueError if the condition
    has no target, or if the prediction has no uncertainty.
    """
    if condition not in MAX_STEPS:
        raise ValueError(f"refining needs a reference or the finished version, got {condition}")
    if prediction.uncertainty is None:
        raise ValueError("refining needs a model that predicts its uncertainty")
    songs = zip(rough, target, prediction.knobs, prediction.uncertainty, strict=True)
    refined = [_refine_song(console, sample_rate, condition, movable, *song) for song in songs]
    knobs, uncertainty = zip(*refined, strict=True)
    return Prediction(torch.stack(knobs), torch.stack(uncertainty), prediction.genre)


def _refine_song(
    console: Console,
    rate: int,
    condition: Condition,
    movable: Tensor,
    rough: Tensor,
    target: Tensor,
    knobs: Tensor,
    uncertainty: Tensor,
) -> tuple[Tensor, Tensor]:
    """Knobs and uncertainty of one song, [P] each."""
    moves = (movable & uncertainty.isfinite()).cpu()
    if not moves.any():
        return knobs, uncertainty
    positions = knobs.double().cpu()
    std = 2.0**0.5 * uncertainty.double().cpu()  # of a Laplace distribution
    if condition == "reference" and has_shape_knobs(console):
        start = positions, std, moves
        positions, std = refine_by_curve(
            console, rate, rough, target, *start, UNCERTAINTY_FACTOR["reference"]
        )
        return positions.to(knobs), (std / 2.0**0.5).to(uncertainty)
    target_residuals = RESIDUALS_BY_CONDITION[condition](console, rate, rough, target)

    def residuals(points: Tensor) -> Tensor:
        """Differences to the prediction, then to the target: [points, N] in standard deviations."""
        all_knobs = positions.repeat(len(points), 1)
        all_knobs[:, moves] = points
        prior = (points - positions[moves]) / std[moves]
        return torch.cat([prior, target_residuals(all_knobs).double()], 1)

    outlier = torch.full((len(residuals(positions[None, moves])[0]),), OUTLIER_STD[condition])
    outlier[: int(moves.sum())] = PRIOR_OUTLIER_STD
    max_steps = MAX_STEPS[condition]
    minimum = levenberg_marquardt(residuals, positions[moves], max_steps, outlier.double())
    positions[moves] = minimum.point
    prior_precision = torch.diag(std[moves] ** -2)
    target_precision = (minimum.curvature - prior_precision) / UNCERTAINTY_FACTOR[condition] ** 2
    covariance = torch.linalg.inv(prior_precision + target_precision)
    std[moves] = covariance.diagonal().clamp_min(0).sqrt()
    return positions.to(knobs), (std / 2.0**0.5).to(uncertainty)


def _reference_residuals(console: Console, rate: int, rough: Tensor, target: Tensor) -> Residuals:
    """Whitened differences of the long-term levels of mid and side."""
    target_db, floor = long_term_db(target[None], rate)
    bands = target_db.shape[1] // 2
    whitening, no_side = whitening_matrix(bands).to(target_db), is_mono(rough) or is_mono(target)

    def residuals(points: Tensor) -> Tensor:
        batches = torch.split(points, RENDER_BATCH)
        difference_db = torch.cat([levels_db(batch) for batch in batches]) - target_db
        if no_side:  # replaced by its expectation given the mid: adds no information
            difference_db[:, bands:] = MID_SIDE_CORRELATION * difference_db[:, :bands]
        return (difference_db @ whitening).cpu()

    def levels_db(points: Tensor) -> Tensor:
        roughs = rough.expand(len(points), -1, -1)
        mix = console(roughs, rate, points.to(roughs), limit=False)
        return long_term_db(mix, rate, floor)[0]

    return residuals


def _paired_residuals(console: Console, rate: int, rough: Tensor, target: Tensor) -> Residuals:
    """Differences of the short-time levels of the loudest excerpt."""
    excerpt, lead_in_s = loudest_excerpt(target, rate)
    difference = LevelDifference(console, rate, rough[:, excerpt], target[:, excerpt], lead_in_s)
    return lambda points: difference(points) / PAIRED_STD_DB


RESIDUALS_BY_CONDITION = {"reference": _reference_residuals, "paired": _paired_residuals}
