"""How a model uses the knobs: does it go to extremes, and does it listen to the song at all?"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ai_mixer.core.types import Knob

POSITION_PREFIX = "position/"
AT_BOUNDS = "standard/at_bounds"
BOUND_TOLERANCE = 0.01  # of the travel: what counts as at the end


@torch.no_grad()
def knob_use(knobs: Sequence[Knob], positions: Tensor) -> dict[str, Tensor]:
    """Columns of a record: `position/<knob>` and `standard/at_bounds`, [B] each.

    positions: [B, P], 0–1. The first tell, over songs, the spread of the settings (`table_s`).
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
    """Share of the knobs at an end of their travel: [B, P], 0–1, → [B].

    neutral: [P]. A knob at rest at the end where it rests (no reverb) is no extreme.
    """
    at_end = (positions <= BOUND_TOLERANCE) | (positions >= 1.0 - BOUND_TOLERANCE)
    resting = (positions - neutral).abs() <= BOUND_TOLERANCE
    return (at_end & ~resting).double().mean(-1)


def position_std(positions: Tensor) -> Tensor:
    """Standard deviation over songs: [B, P] → [P], 0–0.5; 0 = the same for every song."""
    return positions.double().std(0, correction=0)
