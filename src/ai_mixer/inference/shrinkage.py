"""Shrink predicted knobs towards neutral, more where they are more uncertain.

A network is trained on roughs whose knobs are uniform over their travel; the knobs of a musician's
rough are mostly close to neutral. Bayes' rule replaces the prior of training with that of use (all
normal distributions: Bishop, Pattern Recognition and Machine Learning, 2006, eqs. 2.113–2.117).
The result is neutral where the prediction has no information, and the prediction where it is
certain.
"""

import torch
from torch import Tensor

from ai_mixer.core.types import Prediction

PRIOR_MEAN, PRIOR_VARIANCE = 0.5, 1.0 / 12.0  # of a uniform distribution over the travel
EXPECTED_STD = 0.15  # standard deviation of knobs about neutral, share of the travel of `wide`


def shrink_to_neutral(
    prediction: Prediction, neutral: Tensor, expected_std: float = EXPECTED_STD
) -> Prediction:
    """Return the prediction with its knobs [B, P] shrunk towards neutral [P].

    A knob of unknown uncertainty (NaN) is unchanged, and so is a prediction without uncertainty.
    expected_std: standard deviation of the knobs of roughs about neutral, as a share of the travel.
    """
    knobs, uncertainty = prediction.knobs, prediction.uncertainty
    if uncertainty is None:
        return prediction
    variance = 2.0 * uncertainty.square()  # of a Laplace distribution with this mean |error|
    # Precision of the likelihood (prior of training removed), and precision times mean.
    precision = (1.0 / variance - 1.0 / PRIOR_VARIANCE).clamp_min(0.0)
    weighted_mean = knobs / variance - PRIOR_MEAN / PRIOR_VARIANCE
    weighted_mean = torch.where(precision > 0, weighted_mean, 0.0)
    prior = 1.0 / expected_std**2
    shrunk = ((weighted_mean + prior * neutral) / (precision + prior)).clamp(0.0, 1.0)
    posterior = (0.5 / (precision + prior)).sqrt()
    unknown = uncertainty.isnan()
    return prediction._replace(
        knobs=torch.where(unknown, knobs, shrunk),
        uncertainty=torch.where(unknown, uncertainty, posterior),
    )
