"""A song that is played again is the same song, kept or made anew."""

import pytest
import torch

from ai_mixer.heap import give_back
from ai_mixer.replay import Replay

SIZES = (5, 0, 3, 9)


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
    replay = Replay(source, length)
    for _ in range(3):
        assert all(a.equal(b) for a, b in zip(replay(), Source()(), strict=True))
    assert source.played == played


def test_who_stops_half_way_keeps_nothing():
    replay = Replay(Source(), sum(SIZES))
    next(iter(replay()))
    assert [block.shape[-1] for block in replay()] == list(SIZES)


def test_giving_back_changes_nothing_that_is_held():
    held = torch.arange(1 << 20)
    give_back()
    assert held.equal(torch.arange(1 << 20))
