"""What is left out is named once, in a line, and always counted."""

import warnings

import pytest

from ai_mixer.core.types import SkippedSong
from ai_mixer.data.skipped_songs import MAX_NAMED, MAX_WARNINGS, SkippedSongs, warn_skipped


def some(count):
    return [SkippedSong(f"{number}.wav", "no sound") for number in range(count)]


def said(call, *words):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*words)
    return [str(warning.message) for warning in caught]


def test_each_is_named_once():
    songs = SkippedSongs()
    assert said(songs.add, some(2)) == [
        "song skipped: 0.wav: no sound",
        "song skipped: 1.wav: no sound",
    ]
    assert said(songs.add, some(3)) == ["song skipped: 2.wav: no sound"]
    assert len(songs) == 3
    assert songs.rows()[0] == {"file": "0.wav", "reason": "no sound"}


def test_what_is_known_is_counted_and_not_named():
    songs = SkippedSongs()
    songs.mark_warned(some(2))
    assert not said(songs.add, some(2))
    assert len(songs) == 2


def test_the_first_reason_stays():
    songs = SkippedSongs()
    said(songs.add, [SkippedSong("a", "one"), SkippedSong("a", "two")])
    assert songs.reasons == {"a": "one"}


def test_thousands_do_not_flood():
    songs = SkippedSongs()
    lines = said(songs.add, some(5000))
    assert len(lines) == MAX_WARNINGS + 1
    assert "only counted" in lines[-1]
    assert len(songs) == 5000


@pytest.mark.parametrize("count", [0, 1, 2, MAX_NAMED, MAX_NAMED + 1, 5000])
def test_many_from_the_start_are_one_line(count):
    lines = said(warn_skipped, some(count))
    assert len(lines) == min(count, 1)
    if count:
        assert lines[0].count("no sound") == min(count, MAX_NAMED)
        assert str(count) in lines[0] or count == 1
        assert lines[0].endswith("…") == (count > MAX_NAMED)
