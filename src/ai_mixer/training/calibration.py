"""A spread that can be trusted: 80 % of the true knobs lie within the 80 % interval.

A network says how far off it may be; on songs it has not learned from, how far off it was is known.
Per condition and knob the spread is multiplied by the one factor with which its interval holds the
share it claims (split conformal prediction: Lei et al., JASA 113, 2018; with the spread as the
scale, their section 5.2).
"""

import math
from collections.abc import Sequence
from statistics import geometric_mean
from typing import cast

import numpy as np
import torch

from ai_mixer.core.types import CONDITIONS
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.metrics.coverage import HALF_WIDTH, INTERVAL_SHARE
from ai_mixer.models.feature_model import predict_batch
from ai_mixer.training.system import MixSystem
from ai_mixer.utils.progress import progress_bar

MIN_EXAMPLES = 20  # examples on which a knob counts; with fewer nobody knows how far off it is

CalibrationFactors = dict[str, dict[str, float]]
"""Condition → knob → what its spread is multiplied by."""


@torch.inference_mode()
def calibrate(system: MixSystem, data: MixDataModule) -> CalibrationFactors | None:
    """Factors of the knobs that count often enough in the validation songs.

    None if the model says no spread.
    """
    data.prepare_data()
    system.eval()
    ratios, condition = [], []
    for batch in progress_bar(data.val_dataloader(), "calibrating on validation songs"):
        prediction = predict_batch(system.model, batch)
        if prediction.uncertainty is None:
            return None
        ratio = (prediction.knobs - batch.knobs).abs() / (HALF_WIDTH * prediction.uncertainty)
        ratios.append(ratio.masked_fill(~batch.mask, math.nan))
        condition.append(batch.condition)
    of, under = torch.cat(ratios).numpy(), torch.cat(condition).numpy()
    names = system.console.names
    factors: CalibrationFactors = {}
    for n, name in enumerate(CONDITIONS):
        found = {knob: conformal_factor(of[under == n, p]) for p, knob in enumerate(names)}
        factors[name] = {knob: number for knob, number in found.items() if number is not None}
    return factors


def mean_factors(models: Sequence[CalibrationFactors]) -> CalibrationFactors:
    """Geometric mean of several models' factors, knob by knob, over those that have one.

    Of the folds of a recipe, for the model that the recipe makes of all their songs: it has hardly
    one left to be calibrated on.

    >>> mean_factors([{"blind": {"delay": 1.0, "reverb": 2.0}}, {"blind": {"delay": 4.0}}])
    {'blind': {'delay': 2.0, 'reverb': 2.0}}
    """
    together: dict[str, dict[str, list[float]]] = {}
    for factors in models:
        for condition, knobs in factors.items():
            for knob, number in knobs.items():
                together.setdefault(condition, {}).setdefault(knob, []).append(number)
    return {
        condition: {knob: round(geometric_mean(n), 6) for knob, n in knobs.items()}
        for condition, knobs in together.items()
    }


def conformal_factor(ratios: np.ndarray) -> float | None:
    """The factor that brings SHARE of the errors inside: [n] errors over half widths, NaN ignored.

    The ⌈(n + 1) · SHARE⌉-th smallest, so that a new error is inside with at least that chance;
    None if there are fewer than LEAST.

    >>> conformal_factor(np.arange(1, 100) / 50)
    1.6
    """
    known = np.sort(ratios[~np.isnan(ratios)])
    if len(known) < MIN_EXAMPLES:
        return None
    rank = min(len(known), math.ceil((len(known) + 1) * INTERVAL_SHARE))
    return round(float(cast(float, known[rank - 1])), 6)
