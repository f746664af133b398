"""Protocol K for several tracks: errors of knobs over all tracks, level and pan errors.

An error is a share of the knob's travel, as for one file. Level errors are in dB: the fader as it
is, and the balance, which is the fader relative to the mean over the song's tracks: a common gain
of all faders is the loudness of the mix, which its delivery sets.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ai_mixer.console.graph_knobs import KnobLayout

FADER, PAN = "fader_db", "pan"
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


def _fader_difference_db(
    layout: KnobLayout, predicted: Tensor, true: Tensor, mask: Tensor
) -> Tensor:
    tracks = (predicted.shape[1] - layout.bus_knobs - len(layout.master)) // len(layout.strip)
    columns = knob_columns(layout, tracks)[FADER].to(predicted.device)
    knob = next(knob for knob in layout.strip if knob.name == FADER)
    levels = (knob.to_physical(x[:, columns].double()) for x in (predicted, true))
    one, other = levels
    return (one - other).masked_fill(~mask[:, columns], math.nan)
