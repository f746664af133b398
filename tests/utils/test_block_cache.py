"""Tests of `BlockCache` and `release_memory`."""

import ctypes

import psutil
import pytest
import torch

from ai_mixer.utils.block_cache import BlockCache
from ai_mixer.utils.memory import _find_malloc_trim, release_memory

SIZES = (5, 0, 3, 9)
PIECE = 1 << 16  # bytes; below what the C library maps on its own


class Source:
    """The same blocks of noise on each call; counts the calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        noise = torch.randn(2, sum(SIZES), generator=torch.Generator().manual_seed(0))
        return iter(torch.split(noise, SIZES, dim=-1))


@pytest.mark.parametrize(("cache_samples", "calls"), [(17, 1), (0, 3), (16, 3), (18, 3)])
def test_blocks_are_equal_on_each_iteration_and_cached_for_the_exact_length(cache_samples, calls):
    source = Source()
    cache = BlockCache(source, cache_samples)
    for _ in range(3):
        assert all(a.equal(b) for a, b in zip(cache(), Source()(), strict=True))
    assert source.calls == calls


def test_an_incomplete_iteration_is_not_cached():
    cache = BlockCache(Source(), sum(SIZES))
    next(iter(cache()))
    assert [block.shape[-1] for block in cache()] == list(SIZES)


@pytest.mark.skipif(_find_malloc_trim() is None, reason="the C library has no malloc_trim")
def test_release_memory_shrinks_the_process():
    """64 MiB in small freed blocks below one allocated block: the C library would keep them."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    pieces = [libc.malloc(PIECE) for _ in range(1024)]
    for piece in pieces:
        ctypes.memset(piece, 1, PIECE)
    held = libc.malloc(PIECE)
    ctypes.memset(held, 7, PIECE)
    for piece in pieces:
        libc.free(piece)
    before = psutil.Process().memory_info().rss
    release_memory()
    assert before - psutil.Process().memory_info().rss > 48 << 20
    assert ctypes.string_at(held, PIECE) == b"\7" * PIECE
    libc.free(held)
