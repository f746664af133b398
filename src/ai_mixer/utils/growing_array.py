"""Array that grows by appending, stored in one contiguous buffer.

A song is read in large, short-lived blocks. Many small tensors allocated between them fragment the
heap: 33 MiB for each minute of a song.
"""

import torch
from torch import Tensor

MIN_CAPACITY = 1 << 16  # elements: large enough to be allocated by mmap, outside the heap


class GrowingArray:
    """Concatenation of tensors [..., n] along the last dimension; `read` returns [..., N]."""

    def __init__(self) -> None:
        self._buffer = torch.empty(0)
        self._length = 0

    def push(self, values: Tensor) -> None:
        """Append values [..., n]."""
        length = self._length + values.shape[-1]
        if length > self._buffer.shape[-1] or not self._length:
            grown = values.new_empty(*values.shape[:-1], max(2 * length, MIN_CAPACITY))
            if self._length:
                grown[..., : self._length] = self.read()
            self._buffer = grown
        self._buffer[..., self._length : length] = values
        self._length = length

    def read(self) -> Tensor:
        """Return all values so far, a view [..., N]."""
        return self._buffer[..., : self._length]
