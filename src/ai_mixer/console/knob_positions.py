"""Positions of knobs on 0–1: checks, and conversion from and to settings in physical units."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real

import torch
from torch import Tensor

from ai_mixer.core.knob import Knob

POSITION_TOLERANCE = 1e-6  # a position may leave 0–1 by rounding, e.g. of settings from a file


def check_positions(positions: Tensor, names: Callable[[], Sequence[str]]) -> None:
    """Check that positions [B, P] are on 0–1. ValueError with the knob's name, also for NaN."""
    inside = (positions >= -POSITION_TOLERANCE) & (positions <= 1 + POSITION_TOLERANCE)
    if not inside.all():  # also NaN
        song, column = (~inside).nonzero()[0].tolist()
        raise ValueError(
            f"knobs must be positions from 0 to 1, {names()[column]} is "
            f"{positions[song, column]:g}: `knobs_from` converts values in units"
        )


def positions_from(knobs: Sequence[Knob], settings: Mapping[str, object]) -> list[float]:
    """Positions of all knobs; missing ones are neutral.

    ValueError for a value that is no number or outside the knob's range, and for an unknown name.
    """
    positions = [_position(knob, settings.get(knob.name, knob.neutral)) for knob in knobs]
    names = [knob.name for knob in knobs]
    unknown = sorted(set(settings) - set(names))
    if unknown:
        raise ValueError(f"no knob named {unknown[0]!r}: there is {', '.join(names)}")
    return positions


def settings_of(knobs: Sequence[Knob], positions: Tensor) -> list[dict[str, float]]:
    """Convert positions [B, P] to one dict per row: name → physical value."""
    values = [knob.to_physical(positions[:, n]).tolist() for n, knob in enumerate(knobs)]
    return [
        {knob.name: column[row] for knob, column in zip(knobs, values, strict=True)}
        for row in range(len(positions))
    ]


def _position(knob: Knob, value: object) -> float:
    if not isinstance(value, Real):
        raise ValueError(f"{knob.name} must be a number, got {value!r}")
    # NaN and values outside the domain of the scale give a position outside 0–1.
    position = float(knob.to_position(torch.tensor(float(value), dtype=torch.float64)))
    if not -POSITION_TOLERANCE <= position <= 1 + POSITION_TOLERANCE:
        raise ValueError(
            f"{knob.name} is {value:g} {knob.unit}: it goes from {knob.low:g} to {knob.high:g}"
        )
    return min(max(position, 0.0), 1.0)
