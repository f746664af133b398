"""No group is on two sides, every genre on all, and the order of the songs does not matter."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.data.splits import assign_folds, parse_fold, split_by_fold, split_by_group

GENRES = ["rock"] * 40 + ["jazz"] * 20 + [None] * 20


@given(st.lists(st.text(max_size=3), min_size=1, max_size=40), st.randoms())
def test_groups_stay_together_in_any_order(groups, random):
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


def test_shares():
    groups = [f"artist {number}" for number in range(100)]
    assert Counter(split_by_group(groups, groups)) == {"train": 70, "val": 15, "test": 15}


def test_each_genre_is_on_all_sides():
    groups = [f"artist {number}" for number in range(80)]
    split = split_by_group(groups, groups, GENRES)
    shares = Counter(zip(GENRES, split, strict=True))
    assert [shares["rock", name] for name in ("train", "val", "test")] == [28, 6, 6]
    assert [shares["jazz", name] for name in ("train", "val", "test")] == [14, 3, 3]


def test_without_genres_nothing_changes():
    """A folder without them is split as it always was: a known list."""
    groups = [f"artist {number}" for number in range(12)]
    split = split_by_group(groups, groups)
    assert split == split_by_group(groups, groups, ["one"] * 12)
    assert [n for n in range(12) if split[n] != "train"] == [0, 5, 8, 11]


def test_one_artist_is_split_by_song():
    songs = [str(number) for number in range(10)]
    assert set(split_by_group(["me"] * 10, songs)) == {"train", "val", "test"}
    assert split_by_group(["me"] * 2, songs[:2]) == ["train", "train"]


def test_folds():
    assert split_by_fold([0, 1, 2, 3, 4, 0], 4) == ["val", "train", "train", "train", "test", "val"]
    with pytest.raises(ValueError, match=r"fold 7: .* the manifest has \[0, 1, 2\]"):
        split_by_fold([0, 1, 2], 7)


@given(st.lists(st.text(max_size=2), min_size=3, max_size=60), st.integers(3, 6), st.randoms())
def test_no_group_is_in_two_folds_in_any_order(groups, count, random):
    if len(set(groups)) < count:
        with pytest.raises(ValueError, match=f"{count} folds: needs at least 3"):
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


def test_every_song_is_tested_once_and_never_with_its_group_in_training():
    groups = [f"artist {number // 2}" for number in range(80)]
    folds = assign_folds(groups, 5, GENRES)
    tested = Counter()
    for k in range(5):
        sides = defaultdict(set)
        for n, side in enumerate(split_by_fold(folds, k)):
            sides[groups[n]].add(side)
            tested[n] += side == "test"
        assert all(len(side) == 1 for side in sides.values())
    assert set(tested.values()) == {1}


def test_folds_have_their_share_of_each_genre():
    groups = [f"artist {number}" for number in range(80)]
    found = Counter(zip(GENRES, assign_folds(groups, 5, GENRES), strict=True))
    assert {found["rock", k] for k in range(5)} == {8}
    assert {found["jazz", k] for k in range(5)} == {4}


@pytest.mark.parametrize("asked", ["5/5", "-1", "a/b", "1/", "", "0.5"])
def test_a_fold_that_is_none(asked):
    with pytest.raises(ValueError, match=f"fold={asked}: is neither a number nor k/K"):
        parse_fold(asked)
