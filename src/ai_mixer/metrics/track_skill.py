"""Protocol K for several tracks: errors of knobs over all tracks, level and pan errors.

An error is a share of the knob's travel, as for one file. Level errors are in dB: the fader as it
is, and the balance, which is the fader relative to the mean over the song's tracks: a common gain
of all faders is the loudness of the mix, which its delivery sets.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.console.frequency_response import response_db
from ai_mixer.console.graph_knobs import KnobLayout

FADER, PAN = "fader_db", "pan"
EQ_EFFECTS = ("low_cut", "low_shelf", "peak1", "peak2", "high_shelf")
EQ_GAINS = ("low_shelf_db", "peak1_db", "peak2_db", "high_shelf_db")
THIRD_OCTAVES_HZ = 1000.0 * 2.0 ** (torch.arange(-16, 13, dtype=torch.float64) / 3.0)
"""Centres of thirds of an octave from 25 Hz to 16 kHz (IEC 61260-1, base 2)."""

HEADLINE_KNOBS = (
    *(FADER, PAN, "width", "compressor_ratio"),
    *("low_shelf_db", "peak1_db", "peak2_db", "high_shelf_db"),
    *("reverb_send", "delay_send"),
)
"""Knobs of the headline score: how much an effect does, as for one file."""


def knob_columns(layout: KnobLayout, tracks: int) -> dict[str, Tensor]:
    """Name → columns in a flat vector of knobs: one per track for a knob of the strip, else one.

    Names: `fader_db` of the strip, `reverb.decay_s` of a bus, `master.level`.
    """
    size = len(layout.strip)
    rows = torch.arange(tracks) * size
    columns = {knob.name: rows + n for n, knob in enumerate(layout.strip)}
    others = [f"{bus}.{knob.name}" for bus, knobs in layout.buses.items() for knob in knobs]
    others += [f"master.{knob.name}" for knob in layout.master]
    return columns | {name: torch.tensor([tracks * size + n]) for n, name in enumerate(others)}


def headline_track_knobs(names: Iterable[str]) -> list[str]:
    """The headline knobs among some, in order; all of them if there are none."""
    names = list(names)
    return [name for name in HEADLINE_KNOBS if name in names] or names


def fader_errors_db(layout: KnobLayout, predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """|Δ fader| of each track in dB: flat positions [B, P] → [B, N], NaN without a target."""
    difference = _fader_difference_db(layout, predicted, true, mask)
    return difference.abs()


def balance_errors_db(layout: KnobLayout, predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """|Δ fader| after the mean difference of each song is removed, [B, N]; NaN without a target."""
    difference = _fader_difference_db(layout, predicted, true, mask)
    return (difference - difference.nanmean(1, keepdim=True)).abs()


def eq_errors_db(
    strip: Console, predicted: Tensor, true: Tensor, mask: Tensor, sample_rate: int
) -> Tensor:
    """Mean |Δ dB| of the frequency response of each track's EQ over thirds of an octave.

    strip: the chain of one track. predicted, true, mask: [N, Ps or more], its knobs first. Returns
    [N] dB; NaN without an EQ, and where a gain has no target.
    """
    chosen = [name in EQ_EFFECTS for name in strip.effects]
    gains = [n for n, name in enumerate(strip.names) if name in EQ_GAINS]
    if not gains:
        return torch.full((len(true),), math.nan, dtype=torch.float64)
    chain, columns = strip.select(chosen)
    centres = THIRD_OCTAVES_HZ[sample_rate / 2 > THIRD_OCTAVES_HZ]
    one, other = (
        response_db(chain, x[:, columns].double(), centres, sample_rate)[:, 0]
        for x in (predicted, true)
    )
    return (one - other).abs().mean(1).masked_fill(~mask[:, gains].all(1), math.nan)


def _fader_difference_db(
    layout: KnobLayout, predicted: Tensor, true: Tensor, mask: Tensor
) -> Tensor:
    tracks = (predicted.shape[1] - layout.bus_knobs - len(layout.master)) // len(layout.strip)
    columns = knob_columns(layout, tracks)[FADER].to(predicted.device)
    knob = next(knob for knob in layout.strip if knob.name == FADER)
    levels = (knob.to_physical(x[:, columns].double()) for x in (predicted, true))
    one, other = levels
    return (one - other).masked_fill(~mask[:, columns], math.nan)
