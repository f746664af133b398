"""assign_splits: leaks between given splits are found; assigned splits have no leaks."""

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
def test_assigned_splits_have_no_leaks(labels, random):
    songs, groups = zip(*labels, strict=True)
    one, two = random.randrange(len(labels)), random.randrange(len(labels))
    splits, leaks = assign_splits(recordings(songs, groups), [(one, two, "duplicates")])
    assert leaks == []
    assert splits[one] == splits[two]


@given(st.lists(st.tuples(LABEL, LABEL), min_size=3, max_size=60))
def test_fold_all_holds_out_a_tenth_of_the_songs(labels):
    songs, groups = zip(*labels, strict=True)
    splits, leaks = assign_splits(recordings(songs, groups), [], "all")
    assert leaks == []
    pairs = set(zip(songs, splits, strict=True))
    count = len(set(songs))
    assert len(pairs) == count  # every song is in one split
    if count >= 3:
        held_out = sum(split != "train" for _, split in pairs)
        assert held_out == 2 * max(1, round(0.05 * count))


def test_songs_and_duplicates_join_groups():
    items = recordings("aabbccdd", "12345678")  # by song: 1–2, 3–4, 5–6, 7–8
    splits, _ = assign_splits(items, [(0, 2, "duplicates")])
    assert len(set(splits[:4])) == 1
    assert {splits[4], splits[6]} != {splits[0]}


@pytest.mark.parametrize(
    ("songs", "groups", "links", "relation"),
    [
        ("xx234", "12345", [], r"song \(x\)"),
        ("12345", "yy345", [], r"group \(y\)"),
        ("12345", "12345", [(0, 1, "duplicates")], "duplicates"),
    ],
)
def test_leaks_are_errors_unless_allowed(songs, groups, links, relation):
    split = ["train", "test", "val", "train", "train"]
    _, leaks = assign_splits(recordings(songs, groups, split=split), links)
    assert len(leaks) == 1
    names = r"0\.wav \(train\) and 1\.wav \(test\)"
    with pytest.raises(ValueError, match=rf"^m\.csv: {names}.*{relation}"):
        check_leaks(leaks, "m.csv", "refuse")
    check_leaks(leaks, "m.csv", "allow")
    with pytest.raises(ValueError, match=r"data\.leaks=maybe"):
        check_leaks(leaks, "m.csv", "maybe")


def test_leaks_between_folds_depend_on_the_test_fold():
    items = recordings("12345", "aabcd", fold=[0, 1, 2, 3, 4])
    assert assign_splits(items, fold=0).leaks
    assert not assign_splits(items, fold=3).leaks  # both are train


def test_empty_splits_are_those_of_the_group():
    items = recordings("123456", "aabbcc", split=["val", None, None, "test", None, "train"])
    assert assign_splits(items).splits == ["val", "val", "test", "test", "train", "train"]


def test_k_of_K_uses_the_folds_of_the_manifest():
    folds = [3, 3, 5, 5, 9, 9]
    items = recordings("123456", "aabbcc", fold=folds)
    assert assign_splits(items, fold="1/3").splits == assign_splits(items, fold=5).splits
    others = recordings("123456", "abcdef", fold=folds)
    for k in range(4):
        assert set(assign_splits(others, fold=f"{k}/4").splits) == {"train", "val", "test"}


def test_a_single_group_is_split_by_song():
    splits, leaks = assign_splits(recordings("123456", "aaaaaa"))
    assert set(splits) == {"train", "val", "test"}
    assert not leaks
    assert assign_splits(recordings("123456", "aaaaaa"), fold="0/5").splits.count("test") in {1, 2}


def test_missing_folds_are_errors():
    with pytest.raises(ValueError, match=r"data\.fold=1"):
        assign_splits(recordings("123", "123", fold=[0, None, 2]), fold=1)
