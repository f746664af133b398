"""What the chain makes of the knobs: positions in, coefficients out, fast enough for live.

The functions of the offline console are called, but not while it plays: their dozens of small torch
calls take longer than a block. A knob that is its effect's only one is tabulated.
"""

import numpy as np
import torch
from numba import njit

from ai_mixer.console.effect_chain import EffectChain, KnobColumns
from ai_mixer.dsp.recursions import Array
from ai_mixer.effects.effect import Effect

TABLE_INTERVALS = (
    4096  # of the table, straight between: ten knobs together are −137 dB from the exact
)


class CoefficientTable:
    """The coefficients of all effects side by side, exact or from the table."""

    def __init__(self, console: EffectChain, sample_rate: int) -> None:
        self._console, self._sample_rate = console, sample_rate
        position = np.linspace(0, 1, TABLE_INTERVALS + 1)[:, None]
        every = position.repeat(len(console.knobs), axis=1)
        self._table = self.exact(every)
        knobs: list[int] = []  # per coefficient: which knob sets it
        self._multi_knob_effects = []  # effects of several knobs: where their coefficients are
        for effect, columns in console.effects_with_columns():
            begin = len(knobs)
            width = self._effect(effect, columns, every[:1]).shape[1]
            knobs += [next(iter(columns.values()))] * width
            if len(columns) > 1:
                self._multi_knob_effects.append((slice(begin, begin + width), effect, columns))
        self._knobs = np.array(knobs)

    def exact(self, path: Array) -> Array:
        """path: positions [ticks, P]. Returns [ticks, coefficients]."""
        return np.hstack(
            [self._effect(*part, path) for part in self._console.effects_with_columns()]
        )

    def __call__(self, path: Array) -> Array:
        """The same, quickly."""
        if path.min() < 0 or path.max() > 1:
            return self.exact(path)
        rows: Array = _look_up(self._table, self._knobs, path)
        for place, effect, columns in self._multi_knob_effects:
            rows[:, place] = self._effect(effect, columns, path)
        return rows

    def _effect(self, effect: Effect, columns: KnobColumns, path: Array) -> Array:
        values = self._console.physical_values(columns, torch.from_numpy(path))
        return effect.coefficients(self._sample_rate, **values).double().numpy()


@njit(cache=True, nogil=True)
def _look_up(table, knobs, path):  # type: ignore[no-untyped-def]
    rows = np.empty((len(path), len(knobs)))
    for tick in range(len(path)):
        for k in range(len(knobs)):
            place = path[tick, knobs[k]] * (len(table) - 1)
            below = min(int(place), len(table) - 2)
            share = place - below
            rows[tick, k] = (1 - share) * table[below, k] + share * table[below + 1, k]
    return rows
