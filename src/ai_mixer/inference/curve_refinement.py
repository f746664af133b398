"""Refine predicted knobs with a reference, for a console with frequencies and Q as knobs.

The correction that the reference asks for is estimated as a curve (`correction_curve`), with the
prediction and its uncertainty as the prior; then the knobs of the linear effects are set to it. The
knobs of other effects keep their prediction: their influence on long-term levels is rendered.
"""

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.console.frequency_response import linear_knobs
from ai_mixer.core.types import Prediction
from ai_mixer.inference.correction_curve import (
    console_curve,
    curve_prior,
    fit_curve,
    posterior_curve,
)
from ai_mixer.inference.long_term_levels import (
    MID_SIDE_CORRELATION,
    REFERENCE_STD_DB,
    difference_std_db,
    is_mono,
    long_term_db,
    whitening_matrix,
)

OUTLIER_STD = 2.0  # standard deviations; beyond: another passage
STEP = 1e-3  # of a knob's travel, for the gradient of the curve


def has_shape_knobs(console: Console) -> bool:
    """Whether a linear effect of the console has knobs that only shape what another one does."""
    linear = linear_knobs(console)
    return any(
        linear[column]
        for effect, columns in console.effects_with_columns()
        for argument, column in columns.items()
        if argument in effect.shape_knobs
    )


@torch.no_grad()
def refine_by_curve(
    console: Console,
    rate: int,
    rough: Tensor,
    target: Tensor,
    positions: Tensor,
    std: Tensor,
    movable: Tensor,
    uncertainty_factor: float,
) -> tuple[Tensor, Tensor]:
    """Positions and standard deviations of one song, [P] float64 each.

    rough, target: [C, T]. positions, std: the prediction, [P] float64 on the CPU. movable: [P]
    bool. uncertainty_factor: see `refinement.UNCERTAINTY_FACTOR`.
    """
    moves = movable & linear_knobs(console)
    difference_db = _difference_db(console, rate, rough, target, positions)
    prior = curve_prior(console, positions, std, moves, rate)
    bands = len(difference_db) // 2
    if is_mono(rough) or is_mono(target):  # the expectation given the mid: no information
        observed = difference_db[:bands] - prior.mean_db[:bands]
        difference_db[bands:] = prior.mean_db[bands:] + MID_SIDE_CORRELATION * observed
    std_db = difference_std_db((rough, target), rate)
    whitening = whitening_matrix(bands) * (REFERENCE_STD_DB / std_db[:, None])
    curve = posterior_curve(difference_db, prior, whitening, OUTLIER_STD)
    fitted = fit_curve(console, curve, Prediction(positions, std), moves, rate)
    steps = torch.where(fitted < 0.5, STEP, -STEP)
    curves = console_curve(console, torch.cat([fitted[None], fitted + torch.diag(steps)]), rate)
    slopes = ((curves[1:] - curves[0]) / steps[:, None])[moves] @ whitening
    precision = torch.diag(std[moves] ** -2) + slopes @ slopes.T / uncertainty_factor**2
    refined = std.clone()
    refined[moves] = torch.linalg.inv(precision).diagonal().clamp_min(0.0).sqrt()
    return fitted, refined


def _difference_db(
    console: Console, rate: int, rough: Tensor, target: Tensor, positions: Tensor
) -> Tensor:
    """What the linear effects should do: levels of the target minus those without them, [N] dB.

    The mix with the predicted knobs, without the curve of its linear effects, is what the other
    effects leave.
    """
    target_db, floor = long_term_db(target[None], rate)
    mix = console(rough[None], rate, positions[None].to(rough), limit=False)
    mix_db, _ = long_term_db(mix, rate, floor)
    return (target_db - mix_db)[0].double().cpu() + console_curve(console, positions[None], rate)[0]
