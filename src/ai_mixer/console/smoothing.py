"""Knobs that glide: their speed is a raised cosine, and jumps that overlap add up.

The sum is linear, so a knob that moves with every block is followed at the same distance as a
single jump, and never goes beyond where it was sent.
"""

import numpy as np

from ai_mixer.dsp.recursions import Array


class KnobSmoother:
    """Positions on their way to a target, which they reach exactly, `length` samples after it."""

    def __init__(self, positions: Array, length: int) -> None:
        self.target = positions.astype(np.float64)
        self._length = length
        self._moves: list[tuple[int, Array]] = []  # samples since the jump, and how far it went

    def set_target(self, target: Array) -> None:
        """Leave for another target now. [P]."""
        self._moves.append((0, target - self.target))
        self.target = target.astype(np.float64)

    def path(self, tick: int) -> Array:
        """[ticks, P]: the positions from now on, every `tick` samples, to the end of all moves."""
        ages = np.array([age for age, _ in self._moves])
        times = np.arange(0, self._length + tick, tick)
        progress = np.minimum((times[:, None] + ages) / self._length, 1)
        left = 1 - progress + np.sin(2 * np.pi * progress) / (2 * np.pi)
        left[progress == 1] = 0  # the sine of 2π is not quite
        return self.target - left @ np.reshape(
            [jump for _, jump in self._moves], (-1, len(self.target))
        )

    def advance(self, samples: int) -> None:
        """Time passes."""
        moves = ((age + samples, jump) for age, jump in self._moves)
        self._moves = [(age, jump) for age, jump in moves if age < self._length]
