"""Splits and folds: groups are kept together, genres distributed, in any order of the songs."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.data.splits import assign_folds, parse_fold, split_by_fold, split_by_group

GENRES = ["rock"] * 40 + ["jazz"] * 20 + [None] * 20


@given(st.lists(st.text(max_size=3), min_size=1, max_size=40), st.randoms())
def test_groups_are_in_one_split_in_any_order(groups, random):
    items = [str(number) for number in range(len(groups))]
    genres = [random.choice(["rock", "jazz", None]) for _ in groups]
    splits = split_by_group(groups, items, genres)
    if len(set(groups)) >= 3:
        assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
        assert set(splits) == {"train", "val", "test"}
    order = list(range(len(groups)))
    random.shuffle(order)
    shuffled = split_by_group(*([column[i] for i in order] for column in (groups, items, genres)))
    assert shuffled == [splits[i] for i in order]


def test_shares_are_70_15_15():
    groups = [f"artist {number}" for number in range(100)]
    assert Counter(split_by_group(groups, groups)) == {"train": 70, "val": 15, "test": 15}


def test_genres_are_in_all_splits():
    groups = [f"artist {number}" for number in range(80)]
    split = split_by_group(groups, groups, GENRES)
    shares = Counter(zip(GENRES, split, strict=True))
    assert [shares["rock", name] for name in ("train", "val", "test")] == [28, 6, 6]
    assert [shares["jazz", name] for name in ("train", "val", "test")] == [14, 3, 3]


def test_split_without_genres_is_constant():
    """The split of existing collections must not change."""
    groups = [f"artist {number}" for number in range(12)]
    split = split_by_group(groups, groups)
    assert split == split_by_group(groups, groups, ["one"] * 12)
    assert [n for n in range(12) if split[n] != "train"] == [0, 5, 8, 11]


def test_a_single_group_is_split_by_song():
    songs = [str(number) for number in range(10)]
    assert set(split_by_group(["artist"] * 10, songs)) == {"train", "val", "test"}
    assert split_by_group(["artist"] * 2, songs[:2]) == ["train", "train"]


def test_split_by_fold():
    assert split_by_fold([0, 1, 2, 3, 4, 0], 4) == ["val", "train", "train", "train", "test", "val"]
    with pytest.raises(ValueError, match=r"fold 7.*\[0, 1, 2\]"):
        split_by_fold([0, 1, 2], 7)


@given(st.lists(st.text(max_size=2), min_size=3, max_size=60), st.integers(3, 6), st.randoms())
def test_groups_are_in_one_fold_in_any_order(groups, count, random):
    if len(set(groups)) < count:
        with pytest.raises(ValueError, match=f"{count} folds"):
            assign_folds(groups, count)
        return
    genres = [random.choice(["rock", "jazz", None]) for _ in groups]
    folds = assign_folds(groups, count, genres)
    assert len(set(zip(groups, folds, strict=True))) == len(set(groups))
    assert set(folds) == set(range(count))
    order = list(range(len(groups)))
    random.shuffle(order)
    shuffled = assign_folds([groups[i] for i in order], count, [genres[i] for i in order])
    assert shuffled == [folds[i] for i in order]


def test_every_song_is_in_one_test_fold_with_its_group():
    groups = [f"artist {number // 2}" for number in range(80)]
    folds = assign_folds(groups, 5, GENRES)
    tested = Counter()
    for k in range(5):
        splits = split_by_fold(folds, k)
        assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
        tested.update(n for n, split in enumerate(splits) if split == "test")
    assert tested == Counter(range(80))


def test_genres_are_evenly_distributed_over_folds():
    groups = [f"artist {number}" for number in range(80)]
    counts = Counter(zip(GENRES, assign_folds(groups, 5, GENRES), strict=True))
    assert {counts["rock", k] for k in range(5)} == {8}
    assert {counts["jazz", k] for k in range(5)} == {4}


@pytest.mark.parametrize("fold", ["5/5", "-1", "a/b", "1/", "", "0.5"])
def test_invalid_folds_are_errors(fold):
    with pytest.raises(ValueError, match=f"fold={fold}:"):
        parse_fold(fold)
