"""Faults of the stereo image: narrow, too wide, low end out of phase, loss in mono."""

import math

import torch

from ai_mixer.dsp.spectra import third_octave_centres
from ai_mixer.faults import generators
from ai_mixer.faults.fault import Fault, Remedy
from ai_mixer.faults.fault_profile import RATE_HZ
from ai_mixer.faults.observations import Observations
from ai_mixer.faults.reference import Reference

LOW_END_HZ = 120.0
UNRELATED_LOSS_DB = 3.0  # in mono, of channels that have nothing in common
MIN_LOW_LEVEL_DB = -25.0  # of the low end in the song: else it is not audible
WIDTH_HZ = (180.0, 8500.0)
USUAL_WIDTH_DB = -5.0  # of the side over the mid, mean over those bands: median of 208 songs
MAX_WIDTH, MIN_WIDTH = 2.5, 0.4  # of the knob
MONO_BASS_HZ = 150.0


def fold_down_loss_db(observations: Observations, below_hz: float = math.inf) -> float:
    """Level that is lost when left and right are added, 0 for mono, 3 for unrelated channels.

    below_hz: of the sound below a frequency. NaN for silence and if there is little below.
    """
    if observations.profile is None:
        return math.nan
    centres = torch.tensor(third_octave_centres(RATE_HZ))
    level_db, width_db = observations.profile[: 2 * len(centres)].view(2, -1)
    inside = centres <= below_hz
    power = 10 ** (level_db[inside] / 10)
    if float(power.sum()) < 10 ** (MIN_LOW_LEVEL_DB / 10):
        return math.nan
    mid = (power / (1 + 10 ** (width_db[inside] / 10))).sum()
    return float(10 * torch.log10(power.sum() / mid))


def width_db(observations: Observations) -> float:
    """Side over mid, mean over the thirds of an octave in `WIDTH_HZ`; NaN for silence."""
    if observations.profile is None:
        return math.nan
    centres = torch.tensor(third_octave_centres(RATE_HZ))
    inside = (centres >= WIDTH_HZ[0]) & (centres <= WIDTH_HZ[1])
    return float(observations.profile[len(centres) : 2 * len(centres)][inside].mean())


def _narrowness(observations: Observations, reference: Reference) -> float:
    return USUAL_WIDTH_DB - width_db(observations)


def _excess_width(observations: Observations, reference: Reference) -> float:
    return width_db(observations) - USUAL_WIDTH_DB


def _width_remedy(sign: float, figure: float) -> Remedy:
    width = 10 ** (sign * figure / 2 / 20)
    width = round(min(max(width, MIN_WIDTH), MAX_WIDTH), 2)
    return Remedy({"stereo_width": width}, {"high_width": width})


def _low_end_score(observations: Observations, reference: Reference) -> float:
    return fold_down_loss_db(observations, LOW_END_HZ)


def _mono_score(observations: Observations, reference: Reference) -> float:
    return fold_down_loss_db(observations)


FAULTS = (
    Fault(
        "narrow",
        "dB",
        14.0,
        "side 14 dB lower",
        generators.side_gain(-1.0),
        _narrowness,
        lambda figure: f"narrow: the side is {figure:.0f} dB lower than is usual",
        lambda figure: _width_remedy(1.0, figure),
    ),
    Fault(
        "too wide",
        "dB",
        10.0,
        "side 10 dB higher",
        generators.side_gain(1.0),
        _excess_width,
        lambda figure: f"too wide: the side is {figure:.0f} dB higher than is usual",
        lambda figure: _width_remedy(-1.0, figure),
    ),
    Fault(
        "low end out of phase",
        "dB",
        180.0,
        "180° below 120 Hz",
        generators.low_end_out_of_phase,
        _low_end_score,
        lambda figure: f"low end out of phase: mono loses {figure:.1f} dB below 120 Hz",
        lambda figure: Remedy({}, {"mono_bass": MONO_BASS_HZ}),
    ),
    Fault(
        "mono loss",
        "dB",
        9.0,
        "9 dB lost in mono",
        generators.mono_loss,
        _mono_score,
        lambda figure: f"mono loss: played in mono, it is {figure:.1f} dB quieter",
        lambda figure: Remedy({"stereo_width": 0.5}, {"high_width": 0.5}),
        threshold=UNRELATED_LOSS_DB,
    ),
)
