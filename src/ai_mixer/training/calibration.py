"""Calibrate uncertainties: 80 % of the true knobs should lie in the 80 % interval.

Per condition and knob, the predicted uncertainty is multiplied by the factor with which the
interval has its nominal coverage on the validation songs (split conformal prediction with the
uncertainty as the scale: Lei et al., JASA 113, 2018, section 5.2).
"""

import math
from collections.abc import Sequence
from statistics import geometric_mean
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ai_mixer.core.types import CONDITIONS
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.metrics.coverage import HALF_WIDTH, INTERVAL_SHARE
from ai_mixer.training.system import MixSystem
from ai_mixer.utils.progress import progress_bar

MIN_EXAMPLES = 20  # examples in which a knob is valid; with fewer there is no factor
MIN_FACTOR = 1e-3  # in a mean of several models

CalibrationFactors = dict[str, dict[str, float]]
"""Condition → knob → factor on its uncertainty."""


@torch.inference_mode()
def calibrate(system: MixSystem, data: MixDataModule) -> CalibrationFactors | None:
    """Compute the factors of the knobs with enough examples in the validation songs.

    None if the model predicts no uncertainty.
    """
    data.prepare_data()
    system.eval()
    ratios: dict[tuple[str, str], list[Tensor]] = {}
    for batch in progress_bar(data.val_dataloader(), "calibrating on validation songs"):
        prediction = system(batch)
        if prediction.uncertainty is None:
            return None
        ratio = (prediction.knobs - batch.knobs).abs() / (HALF_WIDTH * prediction.uncertainty)
        ratio = ratio.masked_fill(~batch.mask, math.nan)
        for n, condition in enumerate(CONDITIONS):
            chosen = ratio[batch.condition == n]
            for knob, columns in system.knob_groups(batch):
                ratios.setdefault((condition, knob), []).append(chosen[:, columns].flatten())
    factors: CalibrationFactors = {condition: {} for condition in CONDITIONS}
    for (name, knob), parts in ratios.items():
        factor = conformal_factor(torch.cat(parts).numpy())
        if factor is not None:
            factors[name][knob] = factor
    return factors


def mean_factors(models: Sequence[CalibrationFactors]) -> CalibrationFactors:
    """Compute the geometric mean of several models' factors, per knob, over models that have one.

    For a model trained on all songs, which has none left for calibration: `models` are those of
    the folds of the same recipe.

    >>> mean_factors([{"blind": {"delay": 1.0, "reverb": 2.0}}, {"blind": {"delay": 4.0}}])
    {'blind': {'delay': 2.0, 'reverb': 2.0}}

    A knob that is always exact has the factor 0, which counts as MIN_FACTOR.

    >>> mean_factors([{"blind": {"delay": 0.0}}])
    {'blind': {'delay': 0.001}}
    """
    collected: dict[str, dict[str, list[float]]] = {}
    for factors in models:
        for condition, knobs in factors.items():
            for knob, factor in knobs.items():
                own = collected.setdefault(condition, {}).setdefault(knob, [])
                own.append(max(factor, MIN_FACTOR))
    return {
        condition: {knob: round(geometric_mean(values), 6) for knob, values in knobs.items()}
        for condition, knobs in collected.items()
    }


def conformal_factor(ratios: np.ndarray) -> float | None:
    """Compute the factor with which `INTERVAL_SHARE` of the errors are inside the interval.

    ratios: errors divided by half widths, [n]; NaN is ignored. The ⌈(n + 1) · INTERVAL_SHARE⌉-th
    smallest ratio, so that a new error is inside with at least that probability; None if there are
    fewer than `MIN_EXAMPLES`.

    >>> conformal_factor(np.arange(1, 100) / 50)
    1.6
    """
    known = np.sort(ratios[~np.isnan(ratios)])
    if len(known) < MIN_EXAMPLES:
        return None
    rank = min(len(known), math.ceil((len(known) + 1) * INTERVAL_SHARE))
    return round(float(cast(float, known[rank - 1])), 6)
