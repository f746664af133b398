"""Songs that a model has seen in training are left out, refused, or kept and marked."""

import pytest

from ai_mixer.data.folder import Folder
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_set import SongSet
from ai_mixer.evaluation.holdout_filter import filter_holdout_songs, mark_headings

CACHE = MetadataCache()


@pytest.fixture
def songs(songs_folder):
    return Folder(songs_folder).songs()


def test_seen_songs_are_left_out_with_the_names_of_the_models(songs):
    one, two = SongSet.of(songs[:2], CACHE), SongSet.of(songs[1:3], CACHE)
    holdout = filter_holdout_songs(songs, {"A": one, "B": two, "C": None}, CACHE)
    ids = [song.id for song in songs]
    assert holdout.seen == {ids[0]: ["A"], ids[1]: ["A", "B"], ids[2]: ["B"]}
    assert holdout.songs == songs[3:]
    assert holdout.notes() == [
        "seen in training: 3 of 6 songs, left out",
        "songs seen in training: unknown for C",
    ]
    assert f"{ids[1]} (by A, B)" in holdout.notes(name_songs=True)[0]
    assert not holdout.is_marked
    assert holdout.mark("Title") == "Title"


def test_songs_that_the_model_held_out_stay(songs):
    """A manifest with leaks may have copies of training songs in the test split."""
    known = SongSet.of(songs[:3], CACHE)
    held_out = {"A": SongSet.of(songs[2:], None)}
    assert filter_holdout_songs(songs, {"A": known}, CACHE, held_out=held_out).songs == songs[2:]
    other = filter_holdout_songs(songs, {"A": known, "B": known}, CACHE, held_out=held_out)
    assert other.songs == songs[3:]  # only from the model that held them out


def test_no_song_left_is_refused_in_one_line(songs):
    with pytest.raises(ValueError, match=r"all 6 songs were seen .*data=.*allow_seen=true") as info:
        filter_holdout_songs(songs, {"model": SongSet.of(songs, CACHE)}, CACHE)
    assert "\n" not in str(info.value)


def test_allow_seen_keeps_and_marks_them(songs):
    known = {"model": SongSet.of(songs, CACHE)}
    holdout = filter_holdout_songs(songs, known, CACHE, allow_seen=True)
    assert holdout.songs == songs
    assert holdout.mark("Title") == "Title (seen in training)"
    assert holdout.notes() == ["seen in training: 6 of 6 songs, not left out"]
    unseen = filter_holdout_songs(songs, {"model": SongSet()}, CACHE, allow_seen=True)
    assert not unseen.is_marked
    assert unseen.notes() == []


def test_mark_headings_marks_each():
    assert (
        mark_headings("# a\ntext\n## b") == "# a (seen in training)\ntext\n## b (seen in training)"
    )
