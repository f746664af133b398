"""Numbers that come piece by piece, held in one piece of memory.

A song is read in large blocks that come and go. Small pieces kept between them leave holes in the
heap into which no block fits any more: 33 MiB for each minute of a song.
"""

import torch
from torch import Tensor

MIN_CAPACITY = 1 << 16  # numbers: large enough for memory of its own, outside the heap


class GrowingArray:
    """Pieces [..., n] of one shape but for their length; `read` gives all of them, [..., N]."""

    def __init__(self) -> None:
        self._buffer = torch.empty(0)
        self._length = 0

    def push(self, values: Tensor) -> None:
        """The next piece."""
        length = self._length + values.shape[-1]
        if length > self._buffer.shape[-1] or not self._length:
            grown = values.new_empty(*values.shape[:-1], max(2 * length, MIN_CAPACITY))
            if self._length:
                grown[..., : self._length] = self.read()
            self._buffer = grown
        self._buffer[..., self._length : length] = values
        self._length = length

    def read(self) -> Tensor:
        """What came so far."""
        return self._buffer[..., : self._length]
