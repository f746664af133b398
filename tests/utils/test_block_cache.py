"""A song that is played again is the same song, kept or made anew."""

import ctypes

import psutil
import pytest
import torch

from ai_mixer.utils.block_cache import BlockCache
from ai_mixer.utils.memory import _find_malloc_trim, release_memory

SIZES = (5, 0, 3, 9)
PIECE = 1 << 16  # bytes; below what the C library maps on its own


class Source:
    """Blocks of noise, the same each time; counts how often it is played."""

    def __init__(self):
        self.played = 0

    def __call__(self):
        self.played += 1
        noise = torch.randn(2, sum(SIZES), generator=torch.Generator().manual_seed(0))
        return iter(torch.split(noise, SIZES, dim=-1))


@pytest.mark.parametrize(("length", "played"), [(17, 1), (0, 3), (16, 3), (18, 3)])
def test_the_same_blocks_each_time_and_made_once_where_the_length_is_right(length, played):
    source = Source()
    replay = BlockCache(source, length)
    for _ in range(3):
        assert all(a.equal(b) for a, b in zip(replay(), Source()(), strict=True))
    assert source.played == played


def test_who_stops_half_way_keeps_nothing():
    replay = BlockCache(Source(), sum(SIZES))
    next(iter(replay()))
    assert [block.shape[-1] for block in replay()] == list(SIZES)


@pytest.mark.skipif(_find_malloc_trim() is None, reason="the C library has no malloc_trim")
def test_giving_back_shrinks_the_process():
    """64 MiB in small pieces below one that is still held: the C library alone keeps them."""
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
