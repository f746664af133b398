"""Knob usage of a model: share of knobs at the ends of their travel, and variation over songs."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ai_mixer.core.knob import Knob

POSITION_PREFIX = "position/"
AT_BOUNDS = "standard/at_bounds"
BOUND_TOLERANCE = 0.01  # of the travel; closer to an end counts as at the end


@torch.no_grad()
def knob_use(knobs: Sequence[Knob], positions: Tensor) -> dict[str, Tensor]:
    """Return the columns `position/<knob>` and `standard/at_bounds` of a record, [B] each.

    positions: [B, P], 0–1. `table_s` computes the spread over songs from `position/<knob>`.
    """
    if positions.shape[-1] != len(knobs):
        raise ValueError(f"{positions.shape[-1]} positions for {len(knobs)} knobs")
    columns = positions.double().unbind(-1)
    named = {
        POSITION_PREFIX + knob.name: column for knob, column in zip(knobs, columns, strict=True)
    }
    neutral = positions.new_tensor([knob.neutral_position for knob in knobs])
    return {**named, AT_BOUNDS: at_bounds(positions, neutral)}


def at_bounds(positions: Tensor, neutral: Tensor) -> Tensor:
    """Compute the share of knobs at an end of their travel: [B, P], 0–1, → [B].

    neutral: [P]. A knob at neutral does not count, even if its neutral is an end (no reverb).
    """
    at_end = (positions <= BOUND_TOLERANCE) | (positions >= 1.0 - BOUND_TOLERANCE)
    at_neutral = (positions - neutral).abs() <= BOUND_TOLERANCE
    return (at_end & ~at_neutral).double().mean(-1)


def position_std(positions: Tensor) -> Tensor:
    """Compute the standard deviation over songs: [B, P] → [P], 0–0.5; 0 = equal for all songs."""
    return positions.double().std(0, correction=0)
