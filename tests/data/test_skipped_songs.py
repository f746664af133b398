"""SkippedSongs: one warning per song up to a limit, all songs are counted."""

import warnings

import pytest

from ai_mixer.core.types import SkippedSong
from ai_mixer.data.skipped_songs import MAX_NAMED, MAX_WARNINGS, SkippedSongs, warn_skipped


def skipped_songs(count):
    return [SkippedSong(f"{number}.wav", "no sound") for number in range(count)]


def warnings_of(function, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args)
    return [str(warning.message) for warning in caught]


def test_each_song_causes_one_warning():
    songs = SkippedSongs()
    assert warnings_of(songs.add, skipped_songs(2)) == [
        "song skipped: 0.wav: no sound",
        "song skipped: 1.wav: no sound",
    ]
    assert warnings_of(songs.add, skipped_songs(3)) == ["song skipped: 2.wav: no sound"]
    assert len(songs) == 3
    assert songs.rows()[0] == {"file": "0.wav", "reason": "no sound"}


def test_marked_songs_cause_no_warning():
    songs = SkippedSongs()
    songs.mark_warned(skipped_songs(2))
    assert not warnings_of(songs.add, skipped_songs(2))
    assert len(songs) == 2


def test_first_reason_is_kept():
    songs = SkippedSongs()
    warnings_of(songs.add, [SkippedSong("a", "one"), SkippedSong("a", "two")])
    assert songs.reasons == {"a": "one"}


def test_number_of_warnings_is_limited():
    songs = SkippedSongs()
    lines = warnings_of(songs.add, skipped_songs(5000))
    assert len(lines) == MAX_WARNINGS + 1
    assert len(songs) == 5000


@pytest.mark.parametrize("count", [0, 1, 2, MAX_NAMED, MAX_NAMED + 1, 5000])
def test_warn_skipped_is_one_warning(count):
    lines = warnings_of(warn_skipped, skipped_songs(count))
    assert len(lines) == min(count, 1)
    if count:
        assert lines[0].count("no sound") == min(count, MAX_NAMED)
        assert str(count) in lines[0] or count == 1
        assert lines[0].endswith("…") == (count > MAX_NAMED)
