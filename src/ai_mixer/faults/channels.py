"""Faults of the channels: dead, swapped, inverted, DC offset."""

import math

import torch

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.faults import generators
from ai_mixer.faults.fault import Fault, Remedy
from ai_mixer.faults.observations import Observations
from ai_mixer.faults.reference import Reference
from ai_mixer.faults.signal_statistics import (
    DEAD_DB,
    LOW_CORRELATION,
    MIN_OFFSET_DURATION_S,
    describe_levels,
    describe_offsets,
    describe_polarity,
)

MAX_BALANCE_DB = 12.0
OFFSET_ALARM_PERCENT = 12.0  # of full scale (−18 dBFS): costs 1.1 dB of headroom


def _difference_db(observations: Observations, reference: Reference) -> float:
    """Difference of the two channels; NaN for mono and silence."""
    levels = observations.signal.levels_db
    if len(levels) < 2 or max(levels) <= SILENCE_DB:
        return math.nan
    return abs(levels[0] - levels[1])


def _opposition(observations: Observations, reference: Reference) -> float:
    correlation = observations.signal.correlation
    return math.nan if correlation is None else -correlation


def _exchange(observations: Observations, reference: Reference) -> float:
    """Similarity of the balance of left and right per band to minus that of the other version.

    NaN without another version: music has no left and right that are known in advance.
    """
    other = observations.other
    if other is None or other.balance_db is None or observations.balance_db is None:
        return math.nan
    ours, theirs = (
        one.clamp(-MAX_BALANCE_DB, MAX_BALANCE_DB)
        for one in (observations.balance_db, other.balance_db)
    )
    return float(-torch.nn.functional.cosine_similarity(ours, theirs, dim=0))


def _offset_percent(observations: Observations, reference: Reference) -> float:
    if observations.signal.duration_s < MIN_OFFSET_DURATION_S:
        return math.nan
    return 100 * max(map(abs, observations.signal.offsets))


FAULTS = (
    Fault(
        "swapped channels",
        "",
        1.0,
        "exchanged, with another version at hand",
        generators.swapped_channels,
        _exchange,
        lambda figure: f"swapped channels: similarity to the other version is {-figure:+.2f}",
        lambda figure: Remedy(advice="exchange left and right"),
        threshold=0.3,
    ),
    Fault(
        "dead channel",
        "dB",
        60.0,
        "60 dB quieter",
        generators.dead_channel,
        _difference_db,
        lambda figure: f"dead channel: {figure:.0f} dB quieter than the other",
        lambda figure: Remedy(advice="export the song again; or use the other channel as mono"),
        threshold=DEAD_DB,
        sentences=describe_levels,
    ),
    Fault(
        "inverted channel",
        "",
        1.0,
        "polarity of one channel",
        generators.inverted_channel,
        _opposition,
        lambda figure: f"inverted channel: correlation of left and right is {-figure:+.2f}",
        lambda figure: Remedy(advice="invert the polarity of one channel"),
        threshold=-LOW_CORRELATION,
        sentences=describe_polarity,
    ),
    Fault(
        "DC offset",
        "%",
        20.0,
        "20 % of full scale",
        generators.dc_offset,
        _offset_percent,
        lambda figure: f"DC offset: {figure:.1f} % of full scale",
        lambda figure: Remedy({}, {"low_cut": 20.0}),
        threshold=OFFSET_ALARM_PERCENT,
        sentences=describe_offsets,
    ),
)
