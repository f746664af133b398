"""What the chain makes of one effect's knobs: positions in, coefficients out, fast enough for live.

The functions of the offline console are called, but not while it plays: dozens of small torch calls
take longer than the block. A knob that is its effect's only one is tabulated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numba import njit

from ai_mixer.dsp.recursions import Array
from ai_mixer.effects.effect import Effect

if TYPE_CHECKING:
    from ai_mixer.console.console import Columns, Console

INTERVALS = 4096  # of the table, straight between: an error of −140 dB where a knob is steepest


class Curve:
    """Coefficients of one of the console's `parts`, exact or from the table."""

    def __init__(
        self, console: Console, effect: Effect, columns: Columns, sample_rate: int
    ) -> None:
        self._console, self._effect, self._columns = console, effect, columns
        self._sample_rate, self._knobs = sample_rate, list(columns.values())
        every = np.zeros((INTERVALS + 1, len(console.knobs)))
        every[:, self._knobs] = np.linspace(0, 1, INTERVALS + 1)[:, None]
        self._table = self.exact(every) if len(columns) == 1 else None

    def exact(self, path: Array) -> Array:
        """path: positions [ticks, P]. Returns [ticks, K]."""
        values = self._console.values(self._columns, torch.from_numpy(path))
        return self._effect.coefficients(self._sample_rate, **values).double().contiguous().numpy()

    def __call__(self, path: Array) -> Array:
        """The same, one row if the knobs stand still."""
        own = path[:, self._knobs]
        if (own == own[-1]).all():
            path, own = path[-1:], own[-1:]
        if self._table is None or own.min() < 0 or own.max() > 1:
            return self.exact(path)
        return _look_up(self._table, own[:, 0])  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def _look_up(table, positions):  # type: ignore[no-untyped-def]
    rows = np.empty((len(positions), table.shape[1]))
    for tick in range(len(positions)):
        place = positions[tick] * (len(table) - 1)
        below = min(int(place), len(table) - 2)
        share = place - below
        for k in range(table.shape[1]):
            rows[tick, k] = (1 - share) * table[below, k] + share * table[below + 1, k]
    return rows
