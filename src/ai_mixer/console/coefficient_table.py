"""Conversion of knob positions to effect coefficients, fast enough for live audio.

`Effect.coefficients` makes dozens of small torch calls, which take longer than a block. So the
coefficients of an effect with one knob are read from a table that is filled in advance.
"""

from typing import NamedTuple

import numpy as np
import torch

from ai_mixer.console.effect_chain import EffectChain, KnobColumns
from ai_mixer.dsp.recursions import Array
from ai_mixer.effects.effect import Effect
from ai_mixer.utils.compilation import njit

TABLE_INTERVALS = 4096  # linear interpolation between them: ten knobs together err by −137 dB


class CoefficientTable(NamedTuple):
    """Coefficients of all effects of a chain, side by side in a row [K], for knob positions 0–1.

    rows: [TABLE_INTERVALS + 1, K], all knobs at one position. knobs: [K], index of the knob that
    sets the coefficient.
    """

    rows: Array
    knobs: Array


def exact_coefficients(console: EffectChain, sample_rate: int, positions: Array) -> Array:
    """Coefficients [N, K] of all effects at `positions`, [N, P]."""
    path = torch.from_numpy(positions)
    parts = [_coefficients(console, sample_rate, *e, path) for e in console.effects_with_columns()]
    return np.hstack(parts) if parts else np.empty((len(positions), 0))


def build_table(console: EffectChain, sample_rate: int) -> CoefficientTable:
    """Fill the table. The columns of effects with several knobs are not valid."""
    positions = np.linspace(0, 1, TABLE_INTERVALS + 1)[:, None].repeat(len(console.knobs), axis=1)
    first, knobs = torch.from_numpy(positions[:1]), []
    for effect, columns in console.effects_with_columns():
        width = _coefficients(console, sample_rate, effect, columns, first).shape[1]
        knobs += [next(iter(columns.values()), 0)] * width
    rows = np.ascontiguousarray(exact_coefficients(console, sample_rate, positions))
    return CoefficientTable(rows, np.array(knobs, np.int64))


def has_single_knob_effects(console: EffectChain) -> bool:
    """Whether each effect has at most one knob, so that the table is complete."""
    return all(len(columns) <= 1 for _, columns in console.effects_with_columns())


def _coefficients(
    console: EffectChain, sample_rate: int, effect: Effect, columns: KnobColumns, path: torch.Tensor
) -> Array:
    values = console.physical_values(columns, path)
    return effect.coefficients(sample_rate, **values).double().numpy()


@njit(cache=True, nogil=True, error_model="numpy")
def look_up(table, positions, row):  # type: ignore[no-untyped-def]
    """Write the coefficients [K] at positions [P] in 0–1, interpolated linearly, to `row`."""
    last = len(table.rows) - 1
    for k in range(len(table.knobs)):
        place = positions[table.knobs[k]] * last
        below = max(min(int(place), last - 1), 0)
        share = place - below
        row[k] = (1 - share) * table.rows[below, k] + share * table.rows[below + 1, k]
