"""KeySampler: every index once per epoch, in an order that depends only on seed and epoch."""

from collections import Counter

import pytest
import torch.distributed

from ai_mixer.data.key_sampler import KeySampler


def keys(epoch=0, size=10, training=True, seed=0):
    sampler = KeySampler(range(size), training=training, seed=seed)
    sampler.set_epoch(epoch)
    assert len(sampler) == len(list(sampler))
    return list(sampler)


def test_every_index_occurs_once_with_the_epoch():
    assert sorted(keys(epoch=3)) == [(3, index) for index in range(10)]


def test_order_depends_only_on_seed_and_epoch():
    assert keys(1, 100) == keys(1, 100)
    orders = {tuple(index for _, index in keys(e, 100, seed=s)) for e in (0, 1) for s in (0, 7)}
    assert len(orders) == 4


def test_keys_are_constant_outside_training():
    assert keys(5, training=False) == [(0, index) for index in range(10)]


def test_processes_get_equal_parts_of_an_epoch(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    dealt = []
    for rank in range(3):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        dealt.append(keys(epoch=2, size=12))
    assert [len(part) for part in dealt] == [4, 4, 4]
    assert sorted(key for part in dealt for key in part) == [(2, index) for index in range(12)]


@pytest.mark.parametrize("size", [1, 7])
def test_no_index_is_lost_with_uneven_shares(monkeypatch, size):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    seen = set()
    for rank in range(2):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        seen |= set(keys(size=size))
    assert seen == {(0, index) for index in range(size)}


@pytest.mark.parametrize("size", [2, 7])
def test_each_key_occurs_once_outside_training(monkeypatch, size):
    """Metrics over all processes count no example twice."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    seen = []
    for rank in range(2):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        seen += keys(size=size, epoch=3, training=False)
    assert sorted(seen) == [(0, index) for index in range(size)]


def test_limit_draws_other_indices_every_epoch():
    def limited(epoch):
        sampler = KeySampler(range(100), training=True, limit=30)
        sampler.set_epoch(epoch)
        assert len(sampler) == 30
        return {index for _, index in sampler}

    assert len(limited(0)) == 30
    assert limited(0) != limited(1)
    assert len(set().union(*map(limited, range(40)))) == 100


def test_limit_above_the_size_has_no_effect():
    sampler = KeySampler(range(10), training=True, limit=30)
    assert sorted(index for _, index in sampler) == list(range(10))
    assert len(sampler) == 10


GENRES = ["jazz"] * 3 + ["pop"] * 12 + ["rock"] * 5


def balanced(epoch=0, limit=None, seed=0):
    sampler = KeySampler(range(20), training=True, seed=seed, limit=limit, strata=GENRES)
    sampler.set_epoch(epoch)
    drawn = list(sampler)
    assert len(drawn) == len(sampler)
    return drawn


def test_strata_are_equally_frequent():
    counts = Counter(GENRES[index % 20] for _, index in balanced(epoch=2, limit=18))
    assert counts == {"jazz": 6, "pop": 6, "rock": 6}


def test_strata_are_equally_frequent_in_short_sequences():
    labels = [GENRES[index % 20] for _, index in balanced()]
    for start in range(0, 18, 3):
        assert set(labels[start : start + 3]) == {"jazz", "pop", "rock"}


def test_repeated_indices_are_offset_by_the_length():
    drawn = [index for _, index in balanced()]
    assert len(set(drawn)) == len(drawn)
    jazz = [index for index in drawn if GENRES[index % 20] == "jazz"]
    assert {index % 20 for index in jazz[:3]} == {index % 20 for index in jazz[3:6]} == {0, 1, 2}
    assert all(index >= 20 for index in jazz[3:6])


def test_stratified_order_depends_only_on_seed_and_epoch():
    assert balanced(1) == balanced(1)
    orders = {tuple(index for _, index in balanced(e, seed=s)) for e in (0, 1) for s in (0, 7)}
    assert len(orders) == 4


def test_processes_share_a_stratified_epoch(monkeypatch):
    alone = balanced(limit=18)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    dealt = []
    for rank in range(2):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        dealt.append(balanced(limit=18))
    assert dealt == [alone[::2], alone[1::2]]


def test_strata_have_no_effect_outside_training():
    sampler = KeySampler(range(20), training=False, strata=GENRES)
    assert list(sampler) == [(0, index) for index in range(20)]
