"""No group is on two sides, and the order of the songs does not matter."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.data.splits import split_by_fold, split_by_group


@given(st.lists(st.text(max_size=3), min_size=1, max_size=40), st.randoms())
def test_groups_stay_together_in_any_order(groups, random):
    items = [str(number) for number in range(len(groups))]
    splits = split_by_group(groups, items)
    if len(set(groups)) >= 3:
        assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
        assert set(splits) == {"train", "val", "test"}
    order = list(range(len(groups)))
    random.shuffle(order)
    shuffled = split_by_group([groups[i] for i in order], [items[i] for i in order])
    assert shuffled == [splits[i] for i in order]


def test_shares():
    groups = [f"artist {number}" for number in range(100)]
    assert Counter(split_by_group(groups, groups)) == {"train": 70, "val": 15, "test": 15}


def test_one_artist_is_split_by_song():
    songs = [str(number) for number in range(10)]
    assert set(split_by_group(["me"] * 10, songs)) == {"train", "val", "test"}
    assert split_by_group(["me"] * 2, songs[:2]) == ["train", "train"]


def test_folds():
    assert split_by_fold([0, 1, 2, 3, 4, 0], 4) == ["val", "train", "train", "train", "test", "val"]
    with pytest.raises(ValueError, match=r"fold 7: .* the manifest has \[0, 1, 2\]"):
        split_by_fold([0, 1, 2], 7)
