"""Refine predicted strips with the finished mix of the same excerpt (`paired`).

Least squares identify the strips (`models.track_identification`). Pan and width follow directly;
EQ and fader are fitted to the frequency response, with the prediction and its uncertainty as the
prior (`strip_fit`). A gain of the EQ whose value stays unknown keeps the prediction: the bands
overlap, so that different settings sound alike.
"""

import math

import torch
from torch import Tensor

from ai_mixer.console import ConsoleGraph
from ai_mixer.inference.strip_fit import Curves, Prior, fit_strips
from ai_mixer.models.track_identification import IdentifiedTracks

BANDS = ("low_shelf", "peak1", "peak2", "high_shelf")
SHAPES = ("hz", "q")
FADER, PAN, WIDTH = "fader_db", "pan", "width"
LEVEL_STD_DB = 0.1  # of the response, in addition to its noise
MAX_STD_DB = 30.0
UNKNOWN_TO_STD = 6.1  # dB: standard deviation of a level from the relative one of a power
KNOWN_STD = 0.03  # of a gain's travel: above, the prediction is kept
MIN_PRIOR_STD, MAX_PRIOR_STD, FADER_STD, SHAPE_STD = 0.02, 0.5, 0.3, 0.3
PEAK_STARTS = (0.25, 0.75)  # positions of the frequencies of the peaks


@torch.no_grad()
def refine_strips(
    console: ConsoleGraph,
    found: IdentifiedTracks,
    predicted: Tensor,
    uncertainty: Tensor,
    frequencies_hz: Tensor,
    rate: int,
) -> Tensor:
    """Positions [N, Ps] of strips from the predicted ones with their uncertainty, both [N, Ps].

    found: the strips as identified in bands around `frequencies_hz`.
    """
    strip, knobs = console.strip, predicted.double().clone()
    column = {name: n for n, name in enumerate(strip.names)}
    share = found.weight / found.weight.sum(1, keepdim=True).clamp_min(1e-12)
    left, right = (share * found.power).sum(-1).sqrt()
    known = found.weight.sum(1) > 0
    pan = torch.atan2(right, left) * (4.0 / math.pi) - 1.0
    stereo = found.width != 1.0
    for name, value, where in ((PAN, pan, known), (WIDTH, found.width, stereo)):
        position = strip.knobs[column[name]].to_position(value.double()).clamp(0.0, 1.0)
        knobs[:, column[name]] = torch.where(where, position, knobs[:, column[name]])
    fader = strip.knobs[column[FADER]]
    level_db = 10.0 * ((share * found.power.mean(0)).sum(1) + 1e-6).log10()
    shapes = [f"{band}_{part}" for band in BANDS for part in SHAPES if f"{band}_{part}" in column]
    gains = [f"{band}_db" for band in BANDS]
    neutral = strip.neutral.double()
    prior = Prior(
        neutral.repeat(len(knobs), 1), torch.full_like(neutral, 1.0).repeat(len(knobs), 1)
    )
    for name in (*gains, *shapes):
        own = uncertainty[:, column[name]].double().clamp(MIN_PRIOR_STD, MAX_PRIOR_STD)
        prior.mean[:, column[name]] = knobs[:, column[name]]
        prior.std[:, column[name]] = own if name in gains else own.clamp_min(SHAPE_STD)
    prior.mean[:, column[FADER]] = fader.to_position(level_db.double()).clamp(0.0, 1.0)
    prior.std[:, column[FADER]] = FADER_STD
    names = [*gains, *shapes, FADER]
    unknown = (1.0 / found.certainty.clamp(1e-4, 1.0 - 1e-6) - 1.0).sqrt()
    curves = Curves(
        10.0 * (found.power.mean(0) + 1e-6).log10(),
        (UNKNOWN_TO_STD * unknown + LEVEL_STD_DB).clamp_max(MAX_STD_DB),
        frequencies_hz,
    )
    columns = torch.tensor([column[name] for name in names])
    points, spread = fit_strips(strip, curves, prior, columns, _starts(names), rate)
    for number, name in enumerate(names):
        band = names.index(f"{name.rpartition('_')[0]}_db") if name != FADER else number
        where = known & ((spread[:, band] < KNOWN_STD) | (name == FADER))
        at = column[name]
        knobs[:, at] = torch.where(where, points[:, number], knobs[:, at])
    return knobs.to(predicted)


def _starts(names: list[str]) -> Tensor:
    """The prediction, then each combination of frequencies of the peaks, [S, P']; NaN: as it is."""
    starts = torch.full((1 + len(PEAK_STARTS) ** 2, len(names)), math.nan)
    pairs = [(low, high) for low in PEAK_STARTS for high in PEAK_STARTS]
    for row, (low, high) in enumerate(pairs, start=1):
        starts[row, names.index("peak1_hz")] = low
        starts[row, names.index("peak2_hz")] = high
    return starts
