"""Sides that are given are looked at; sides that are made never leak."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.data.split_assignment import Recording, assign_splits, check_leaks

LABEL = st.integers(0, 12).map(str)


def recordings(songs, groups, **given):
    rows = zip(songs, groups, strict=True)
    return [
        Recording(f"{n}.wav", song, group, **{name: column[n] for name, column in given.items()})
        for n, (song, group) in enumerate(rows)
    ]


@given(st.lists(st.tuples(LABEL, LABEL), min_size=3, max_size=40), st.randoms())
def test_what_is_made_never_leaks(labels, random):
    songs, groups = zip(*labels, strict=True)
    twins = [(random.randrange(len(labels)), random.randrange(len(labels)), "twins")]
    splits, leaks = assign_splits(recordings(songs, groups), twins)
    assert leaks == []
    assert splits[twins[0][0]] == splits[twins[0][1]]


@given(st.lists(st.tuples(LABEL, LABEL), min_size=3, max_size=60))
def test_all_trains_on_nearly_everything_and_still_parts_no_song(labels):
    songs, groups = zip(*labels, strict=True)
    splits, leaks = assign_splits(recordings(songs, groups), [], "all")
    assert leaks == []
    sides = {
        song: {s for s, other in zip(splits, songs, strict=True) if other == song} for song in songs
    }
    assert all(len(side) == 1 for side in sides.values())
    known = len(sides)
    held_out = sum(side != {"train"} for side in sides.values())
    assert held_out == (2 * max(1, round(0.05 * known)) if known >= 3 else held_out)


def test_songs_and_twins_join_groups():
    found = recordings("aabbccdd", "12345678")  # by song: 1–2, 3–4, 5–6, 7–8
    splits, _ = assign_splits(found, [(0, 2, "twins")])
    assert len(set(splits[:4])) == 1
    assert {splits[4], splits[6]} != {splits[0]}


@pytest.mark.parametrize(
    ("songs", "groups", "twins", "message"),
    [
        ("xx234", "12345", [], r"0\.wav \(train\) and 1\.wav \(test\) are of one song \(x\)"),
        ("12345", "yy345", [], r"0\.wav \(train\) and 1\.wav \(test\) are of one group \(y\)"),
        ("12345", "12345", [(0, 1, "twins")], r"0\.wav \(train\) and 1\.wav \(test\) are twins"),
    ],
)
def test_a_leak_is_named(songs, groups, twins, message):
    split = ["train", "test", "val", "train", "train"]
    _, leaks = assign_splits(recordings(songs, groups, split=split), twins)
    assert len(leaks) == 1
    with pytest.raises(ValueError, match=rf"^m\.csv: {message}: put them on one side"):
        check_leaks(leaks, "m.csv", "refuse")
    check_leaks(leaks, "m.csv", "allow")
    with pytest.raises(ValueError, match=r"data\.leaks=maybe: is neither refuse nor allow"):
        check_leaks(leaks, "m.csv", "maybe")


def test_a_leak_between_folds_is_one_only_where_they_part():
    found = recordings("12345", "aabcd", fold=[0, 1, 2, 3, 4])
    assert assign_splits(found, fold=0).leaks
    assert not assign_splits(found, fold=3).leaks  # both train


def test_an_empty_cell_follows_its_group():
    found = recordings("123456", "aabbcc", split=["val", None, None, "test", None, "train"])
    assert assign_splits(found).splits == ["val", "val", "test", "test", "train", "train"]


def test_k_of_k_takes_the_manifests_own_folds():
    own = [3, 3, 5, 5, 9, 9]
    found = recordings("123456", "aabbcc", fold=own)
    assert assign_splits(found, fold="1/3").splits == assign_splits(found, fold=5).splits
    made = recordings("123456", "abcdef", fold=own)
    for k in range(4):
        assert set(assign_splits(made, fold=f"{k}/4").splits) == {"train", "val", "test"}


def test_one_artist_is_split_by_song():
    splits, leaks = assign_splits(recordings("123456", "aaaaaa"))
    assert set(splits) == {"train", "val", "test"}
    assert not leaks
    assert assign_splits(recordings("123456", "aaaaaa"), fold="0/5").splits.count("test") in {1, 2}


def test_folds_that_are_not_there():
    with pytest.raises(ValueError, match=r"data\.fold=1 needs a fold number in every row"):
        assign_splits(recordings("123", "123", fold=[0, None, 2]), fold=1)
