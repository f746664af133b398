"""Repeated iteration over the blocks of a song, cached in memory if the song is short."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

BlockSource = Callable[[], Iterable[Tensor]]
"""Function that returns the blocks [..., n] of a song in order, the same ones on each call."""


class BlockCache:
    """Block source that caches the blocks of `source` during the first complete iteration.

    cache_samples: length of the song in samples per channel; the cache is used only if `source`
    yields exactly so many. 0: no cache, `source` is called for each iteration. The cache is one
    tensor, so that the allocator returns its memory to the system as a whole.
    """

    def __init__(self, source: BlockSource, cache_samples: int = 0) -> None:
        self._source, self._cache_samples = source, cache_samples
        self._blocks: tuple[Tensor, ...] | None = None

    def __call__(self) -> Iterator[Tensor]:
        """Iterate over the blocks of the song."""
        if self._blocks is not None:
            yield from self._blocks
            return
        cache, sizes, done = torch.empty(0), list[int](), 0
        for block in self._source():
            size = block.shape[-1]
            if done + size <= self._cache_samples:
                cache = cache if done else block.new_empty(*block.shape[:-1], self._cache_samples)
                cache[..., done : done + size] = block
            sizes.append(size)
            done += size
            yield block
        if done == self._cache_samples:
            self._blocks = torch.split(cache, sizes, dim=-1)
