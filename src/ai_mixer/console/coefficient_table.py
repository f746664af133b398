"""Conversion of knob positions to effect coefficients, fast enough for live audio.

`Effect.coefficients` makes dozens of small torch calls, which take longer than a block. So the
coefficients of an effect with one knob are read from a table that is filled in advance.
"""

import numpy as np
import torch

from ai_mixer.console.effect_chain import EffectChain, KnobColumns
from ai_mixer.dsp.recursions import Array
from ai_mixer.effects.effect import Effect
from ai_mixer.utils.compilation import njit

TABLE_INTERVALS = 4096  # linear interpolation between them: ten knobs together err by −137 dB


class CoefficientTable:
    """Coefficients of all effects of a chain, side by side in one row, exact or from the table."""

    def __init__(self, console: EffectChain, sample_rate: int) -> None:
        self._console, self._sample_rate = console, sample_rate
        position = np.linspace(0, 1, TABLE_INTERVALS + 1)[:, None]
        every = position.repeat(len(console.knobs), axis=1)
        self._table = self.exact(every)
        knobs: list[int] = []  # per coefficient: index of the knob that sets it
        self._multi_knob_effects = []  # (columns of the coefficients, effect, its knobs)
        for effect, columns in console.effects_with_columns():
            begin = len(knobs)
            width = self._effect(effect, columns, every[:1]).shape[1]
            knobs += [next(iter(columns.values()))] * width
            if len(columns) > 1:
                self._multi_knob_effects.append((slice(begin, begin + width), effect, columns))
        self._knobs = np.array(knobs, np.int64)

    def exact(self, path: Array) -> Array:
        """Compute coefficients [ticks, K] of positions `path`, [ticks, P]."""
        parts = [self._effect(*part, path) for part in self._console.effects_with_columns()]
        return np.hstack(parts) if parts else np.empty((len(path), 0))

    def __call__(self, path: Array) -> Array:
        """Like `exact`, from the table; exact outside 0–1 and for effects of several knobs."""
        if path.min(initial=0) < 0 or path.max(initial=1) > 1:
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
