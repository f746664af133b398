"""Fit of the evidence model: normality, response of the profile to the knobs, damage."""

from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.core.types import CONDITIONS
from ai_mixer.metrics.normality import Normality
from ai_mixer.models.closed_form import FitExamples

KNOB_STD = 0.3  # τ, share of the range: a knob that the profile does not show is estimated as 0
UNDOING_STD = 0.1  # the same for damage: a knob with little effect is not moved far for a little
MIN_RESPONSE_RATIO = 3.0  # of the response to its standard error, mean square over the profile
RESPONSE_PENALTY = 1e-3  # ridge of the regression, of the number of examples
MIN_VARIANCE = 1e-4  # of an estimate; the response is not exactly linear
FOLDS = 5
HUGE_VARIANCE = 1e6
N_DYNAMICS = 13  # values of the profile after levels and widths
N_GROUPS = 2  # of knobs: tone and dynamics; width
MAX_SCALE = 1.3  # real damage also counts at other sizes, of both signs


class EvidenceFit(NamedTuple):
    """Buffers of `models.evidence.Evidence`."""

    mean: Tensor
    std: Tensor
    estimator: Tensor
    precision: Tensor
    groups: Tensor
    shifts: Tensor
    corrections: Tensor
    neutral: Tensor


def fit_evidence(
    examples: FitExamples, neutral: Tensor, n_damages: int, real_share: float
) -> EvidenceFit:
    """Fit all buffers. ValueError for less than two songs."""
    examples, offsets = _in_double(examples, neutral)
    response = response_of(examples.rough - examples.finished, offsets)
    normality = Normality.fit(examples.finished)
    estimator = _estimator(normality, response)
    changes, corrections = _damages(
        examples, offsets, response, neutral.double(), real_share, n_damages
    )
    groups = _knob_groups(response)
    precisions = _precisions(examples, offsets, response, estimator)
    return EvidenceFit(
        normality.mean.float(),
        normality.std.float(),
        estimator.float(),
        torch.stack([_of_group(precisions, group) for group in groups]).float(),
        groups.float(),
        (changes @ estimator).float(),
        corrections.float(),
        neutral.float(),
    )


def regression_examples(
    examples: FitExamples, neutral: Tensor, real_share: float
) -> tuple[Tensor, Tensor]:
    """Profiles [N, F] with the offsets [N, P] that mend them: as many undamaged as damaged ones.

    real_share: 1 − the share of the roughs of the task that are added.
    """
    examples, offsets = _in_double(examples, neutral)
    response = response_of(examples.rough - examples.finished, offsets)
    mending = undoing(examples.damaged - examples.finished, response)
    known = torch.nonzero(examples.mask.any(1)).flatten()
    rows = known[_spread(round((1.0 - real_share) * len(known)), len(known))]
    profiles = torch.cat([examples.finished, examples.damaged, examples.rough[rows]])
    targets = torch.cat([torch.zeros_like(mending), mending, offsets[rows]])
    return profiles, targets.clamp(-neutral.double(), 1.0 - neutral.double())


def _in_double(examples: FitExamples, neutral: Tensor) -> tuple[FitExamples, Tensor]:
    """Examples in float64, and the offsets of their knobs from neutral, 0 where masked: [N, P]."""
    examples = FitExamples(
        *(part.double() if part.is_floating_point() else part for part in examples)
    )
    return examples, torch.where(examples.mask, examples.knobs - neutral.double(), 0.0)


def _damages(
    examples: FitExamples,
    offsets: Tensor,
    response: Tensor,
    neutral: Tensor,
    real_share: float,
    count: int,
) -> tuple[Tensor, Tensor]:
    """Changes of the profile [count, F] and what undoes them [count, P]: real ones, then roughs.

    Half of the real ones are at another size, so that a few songs give many.
    """
    known = examples.mask.any(1)
    n_real = round(real_share * count) if known.any() else count
    real = (examples.damaged - examples.finished)[_spread(n_real, len(examples.damaged))]
    generator = torch.Generator().manual_seed(0)
    scale = MAX_SCALE * (2 * torch.rand(n_real, 1, generator=generator).double() - 1)
    real = torch.where(torch.arange(n_real)[:, None] % 2 == 0, real, scale * real)
    rows = torch.nonzero(known).flatten()[_spread(count - n_real, int(known.sum()))]
    changes = torch.cat([real, (examples.rough - examples.finished)[rows]])
    corrections = torch.cat([undoing(real, response), offsets[rows]])
    return changes, corrections.clamp(-neutral, 1.0 - neutral)


def _spread(count: int, available: int) -> Tensor:
    """Evenly spaced rows, some twice if there are too few."""
    return torch.arange(count) * available // max(count, 1)


def _knob_groups(response: Tensor) -> Tensor:
    """0 or 1 for each knob: [2, P]; the second row has those that change mostly the width."""
    bands = (response.shape[1] - N_DYNAMICS) // 2
    width = response[:, bands : 2 * bands].square().sum(1)
    is_width = width > response.square().sum(1) - width
    return torch.stack([~is_width, is_width]).double()


def _of_group(precisions: Tensor, group: Tensor) -> Tensor:
    """Precisions [3, P, P] of the estimates of some knobs, 0 for the others."""
    others = (1.0 - group) * HUGE_VARIANCE
    covariances = torch.linalg.inv(precisions) * group[:, None] * group + torch.diag(others)
    return torch.linalg.inv(covariances) * group[:, None] * group


def response_of(changes: Tensor, offsets: Tensor) -> Tensor:
    """Change of the profile per range of each knob, [P, F], by ridge regression.

    A rough deviates from its finished version by the change that the knobs undo. Knobs whose
    response is no larger than its standard error, such as gains, have none.
    """
    gram = offsets.T @ offsets
    count = int(offsets.any(1).sum())
    penalty = RESPONSE_PENALTY * max(count, 1) * torch.eye(len(gram)).double()
    inverse = torch.linalg.inv(gram + penalty)
    response = -inverse @ offsets.T @ changes
    error = (changes + offsets @ response).square().sum(0) / max(count - len(gram), 1)
    variances = inverse.diagonal()[:, None] * error
    ratio = (response.square() / variances.clamp_min(1e-12)).mean(1, keepdim=True)
    return torch.where(ratio >= MIN_RESPONSE_RATIO, response, 0.0)


def _estimator(normality: Normality, response: Tensor) -> Tensor:
    """Matrix [F, P] that estimates the knobs that undo a deviation."""
    weighted = torch.linalg.solve(normality.covariance, response.T)
    information = response @ weighted + torch.eye(len(response)).double() / KNOB_STD**2
    return -torch.linalg.solve(information, weighted.T).T


def undoing(changes: Tensor, response: Tensor) -> Tensor:
    """Knobs that undo changes [N, F] best in the mean square of the profile: [N, P]."""
    gram = response @ response.T
    penalty = torch.eye(len(gram)).double() / UNDOING_STD**2
    return -torch.linalg.solve(gram + penalty, response @ changes.T).T


def _precisions(
    examples: FitExamples, offsets: Tensor, response: Tensor, estimator: Tensor
) -> Tensor:
    """Inverse covariance of the estimates of undamaged excerpts, [3, P, P]."""
    known = examples.reference.isfinite().all(1)
    within = (examples.finished - examples.reference)[known] @ estimator
    error = (examples.rough - examples.finished) @ estimator - offsets
    estimates = {
        "blind": _other_songs_estimates(examples, response),
        "reference": within if len(within) > 1 else error,
        "paired": error,
    }
    return torch.stack([_precision(estimates[condition]) for condition in CONDITIONS])


def _other_songs_estimates(examples: FitExamples, response: Tensor) -> Tensor:
    """Estimates of finished excerpts by the normality of other songs, [N, P]."""
    estimates = torch.zeros(len(examples.finished), len(response)).double()
    for fold in range(FOLDS):
        inside = examples.songs % FOLDS == fold
        if inside.any() and (~inside).sum() > 1:
            normality = Normality.fit(examples.finished[~inside])
            deviations = normality.deviations(examples.finished[inside])
            estimates[inside] = deviations @ _estimator(normality, response)
    return estimates


def _precision(estimates: Tensor) -> Tensor:
    covariance = estimates.T @ estimates / len(estimates)
    return torch.linalg.inv(covariance + MIN_VARIANCE * torch.eye(len(covariance)).double())
