"""Smoothing of knob changes: each change follows a raised-cosine velocity, changes add up.

The sum is linear, so the delay behind a knob that moves with each block equals the delay of a
single change, and positions never overshoot their targets.
"""

import numpy as np

from ai_mixer.dsp.recursions import Array


class KnobSmoother:
    """Positions that move to a target and reach it exactly after `length` samples."""

    def __init__(self, positions: Array, length: int) -> None:
        self.target = positions.astype(np.float64)
        self._length = length
        self._moves: list[tuple[int, Array]] = []  # samples since the change, size of the change

    def set_target(self, target: Array) -> None:
        """Start to move to another target, [P]."""
        self._moves.append((0, target - self.target))
        self.target = target.astype(np.float64)

    def path(self, tick: int) -> Array:
        """Positions from now on, every `tick` samples, to the end of all moves: [ticks, P]."""
        ages = np.array([age for age, _ in self._moves])
        times = np.arange(0, self._length + tick, tick)
        progress = np.minimum((times[:, None] + ages) / self._length, 1)
        left = 1 - progress + np.sin(2 * np.pi * progress) / (2 * np.pi)
        left[progress == 1] = 0  # sin(2π) is not exactly 0 in floating point
        changes = np.reshape([change for _, change in self._moves], (-1, len(self.target)))
        return self.target - left @ changes

    def advance(self, samples: int) -> None:
        """Advance the time by a number of samples."""
        moves = ((age + samples, change) for age, change in self._moves)
        self._moves = [(age, change) for age, change in moves if age < self._length]
