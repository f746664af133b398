"""Estimate the correction curve between two spectra, and set a console's equaliser to it.

A correction is the gain of mid and side in thirds of an octave, [2 · bands] dB: what the linear
effects of a console do (`console.frequency_response`). Between a rough and another excerpt of the
production, the difference of long-term levels is the correction plus the difference between two
excerpts. The prior of the correction is that of the knobs, taken through the console's response: so
it is as smooth as bands of an equaliser are. The estimate is the posterior mean of a normal
distribution (Bishop, Pattern Recognition and Machine Learning, 2006, eq. 2.116), with the weights
of outliers reduced (iteratively reweighted least squares with Cauchy's weights).

A search for the most probable knobs would not do the same: frequencies and Q follow the difference
of the excerpts, because each of many different curves has its own best knobs.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.console.frequency_response import linear_knobs, response_db
from ai_mixer.core.types import Prediction
from ai_mixer.dsp.spectra import third_octave_centres
from ai_mixer.inference.levenberg_marquardt import levenberg_marquardt

SAMPLES = 512  # of knobs, for the covariance of curves
SEED = 0
REWEIGHTINGS = 6
JITTER_DB2 = 1e-3  # on the diagonal of the covariance, so that it is positive definite
FIT_STEPS = 30
FIT_STD_DB = 0.3  # of a console's curve about the estimated one, against the prior of the knobs
NO_OUTLIERS = 1e3  # standard deviations


class CurvePrior(NamedTuple):
    """Distribution of corrections before the levels are compared: mean [N], covariance [N, N]."""

    mean_db: Tensor
    covariance: Tensor


def curve_prior(
    console: Console, knobs: Tensor, std: Tensor, movable: Tensor, sample_rate: int
) -> CurvePrior:
    """The distribution of corrections for normally distributed knobs, by sampling.

    knobs, std: [P] positions and their standard deviations. movable: [P] bool, others are fixed.
    """
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(SAMPLES, len(knobs), generator=generator, dtype=torch.float64)
    noise = torch.cat([noise, -noise])  # so that the mean has no sampling error of first order
    points = (knobs + torch.where(movable, std, 0.0) * noise).clamp(0.0, 1.0)
    curves = console_curve(console, points, sample_rate)
    mean = curves.mean(0)
    deviations = curves - mean
    return CurvePrior(mean, deviations.T @ deviations / len(curves))


def posterior_curve(
    difference_db: Tensor, prior: CurvePrior, whitening: Tensor, outlier_std: float
) -> Tensor:
    """The estimated correction, [N] dB.

    difference_db: [N], levels of the target minus those of the rough. whitening: [N, N], makes the
    difference of two excerpts independent with standard deviation 1 (a row times this matrix).
    outlier_std: differences beyond count less.
    """
    jitter = JITTER_DB2 * torch.eye(len(difference_db), dtype=torch.float64)
    precision = torch.linalg.inv(prior.covariance + jitter)
    observed, to_white = difference_db - prior.mean_db, whitening.double().T
    correction = torch.zeros_like(observed)
    for _ in range(REWEIGHTINGS):
        residuals = to_white @ (observed - correction)
        weights = 1.0 / (1.0 + (residuals / outlier_std).square())
        information = to_white.T @ (weights[:, None] * to_white)
        correction = torch.linalg.solve(precision + information, information @ observed)
    return prior.mean_db + correction


def fit_curve(
    console: Console,
    curve_db: Tensor,
    start: Prediction,
    movable: Tensor,
    sample_rate: int,
    fit_std_db: float | Tensor = FIT_STD_DB,
) -> Tensor:
    """Positions [P] whose response is the curve, [2 · bands] dB, in the sense of least squares.

    start: positions [P], and standard deviations [P] as its uncertainty, which decide where the
    curve does not. movable: [P] bool; knobs of effects that are not linear stay.
    """
    positions, std = start.knobs.double().cpu(), start.uncertainty
    assert std is not None
    moves = movable.cpu() & linear_knobs(console)
    if not moves.any():
        return positions
    scale = std.double().cpu()[moves]

    def residuals(points: Tensor) -> Tensor:
        knobs = positions.repeat(len(points), 1)
        knobs[:, moves] = points
        prior = (points - positions[moves]) / scale
        error = (console_curve(console, knobs, sample_rate) - curve_db) / fit_std_db
        return torch.cat([prior, error], 1)

    minimum = levenberg_marquardt(residuals, positions[moves], FIT_STEPS, NO_OUTLIERS)
    fitted = positions.clone()
    fitted[moves] = minimum.point
    return fitted


def console_curve(console: Console, points: Tensor, sample_rate: int) -> Tensor:
    """Gain of mid, then of side, at the centres of thirds of an octave: [points, 2 · bands] dB."""
    centres = torch.tensor(third_octave_centres(sample_rate), dtype=torch.float64)
    return response_db(console, points, centres, sample_rate).flatten(1)
