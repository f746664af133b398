"""What is done about what a model says: held back where it is unsure.

A network is trained on roughs whose knobs are anywhere on their travel. What musicians bring is
mostly not so far off: there, knobs lie near neutral. Its answer is a belief under the first
expectation, and becomes one under the second by Bayes' rule: take the old expectation out, put the
new one in (all as normal distributions: Bishop, Pattern Recognition and Machine Learning, 2006,
eqs. 2.113–2.117). Where it knew nothing, what is left is neutral; where it was sure, what it said.
"""

import torch
from torch import Tensor

from ai_mixer.core.types import Prediction

PRIOR_MEAN, PRIOR_VARIANCE = 0.5, 1.0 / 12.0  # of a knob anywhere on its travel
EXPECTED_STD = 0.15  # standard deviation of knobs about neutral, share of the travel of `wide`


def shrink_to_neutral(
    prediction: Prediction, neutral: Tensor, expected_std: float = EXPECTED_STD
) -> Prediction:
    """What to believe of knobs [B, P] that a model says with their spread (mean |error|).

    A spread of NaN is unknown: that knob stays as said. neutral: [P]. expected: how far off roughs
    are, as a standard deviation in knob travel.
    """
    knobs, uncertainty = prediction.knobs, prediction.uncertainty
    if uncertainty is None:
        return prediction
    variance = 2.0 * uncertainty.square()  # of a Laplace distribution with this mean |error|
    known = (1.0 / variance - 1.0 / PRIOR_VARIANCE).clamp_min(0.0)  # what the sound itself told
    told = knobs / variance - PRIOR_MEAN / PRIOR_VARIANCE
    told = torch.where(known > 0, told, 0.0)
    trust = 1.0 / expected_std**2
    held = ((told + trust * neutral) / (known + trust)).clamp(0.0, 1.0)
    left = (0.5 / (known + trust)).sqrt()
    unknown = uncertainty.isnan()
    return prediction._replace(
        knobs=torch.where(unknown, knobs, held), uncertainty=torch.where(unknown, uncertainty, left)
    )
