"""Sound that can be played several times: made anew each time, or kept where it is short."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

BlockSource = Callable[[], Iterable[Tensor]]
"""Plays a song from its beginning: blocks [..., n] in order. It must give the same each time."""


class BlockCache:
    """`play`, kept in memory while it is played the first time, if it is `length` samples long.

    length: samples of a channel; 0: nothing is kept. So a short song is rendered once, and a long
    one costs time instead of memory. Kept in one piece, which goes back to the system as a whole.
    """

    def __init__(self, source: BlockSource, cache_samples: int = 0) -> None:
        self._source, self._cache_samples = source, cache_samples
        self._blocks: tuple[Tensor, ...] | None = None

    def __call__(self) -> Iterator[Tensor]:
        """The song from its beginning, in the same blocks each time."""
        if self._blocks is not None:
            yield from self._blocks
            return
        kept, sizes, done = torch.empty(0), list[int](), 0
        for block in self._source():
            size = block.shape[-1]
            if done + size <= self._cache_samples:
                kept = kept if done else block.new_empty(*block.shape[:-1], self._cache_samples)
                kept[..., done : done + size] = block
            sizes.append(size)
            done += size
            yield block
        if done == self._cache_samples:
            self._blocks = torch.split(kept, sizes, dim=-1)
