"""Nothing is read twice that has not changed, and the user's folder is only read."""

import os
import sqlite3

import pytest

from ai_mixer.data import metadata_cache
from ai_mixer.data.metadata_cache import FILE_NAME, MetadataCache


@pytest.fixture
def opened(monkeypatch):
    """The files whose headers were read, in order."""
    names = []
    probe = metadata_cache.probe

    def watched(path):
        names.append(path.name)
        return probe(path)

    monkeypatch.setattr(metadata_cache, "probe", watched)
    return names


@pytest.fixture
def songs(tmp_path, write_song):
    folder = tmp_path / "music"
    return [write_song(folder / name, 0.5) for name in ("a.wav", "b.wav", "sub/c.wav")]


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "kept"


def test_a_second_time_no_header_is_read(songs, kept, opened):
    first = MetadataCache(kept).scan(songs)
    assert sorted(opened) == ["a.wav", "b.wav", "c.wav"]
    opened.clear()
    assert MetadataCache(kept).scan(songs) == first
    assert opened == []
    assert [metadata.header.duration_s for metadata in first.metadata.values()] == [0.5] * 3


def test_only_what_changed_is_read_and_named(songs, kept, opened, write_song):
    before = MetadataCache(kept).scan(songs)
    opened.clear()
    write_song(songs[1], 0.7)
    (songs[0].parent / "d.wav").write_bytes(songs[0].read_bytes())
    songs[2].unlink()
    there = [*songs[:2], songs[0].parent / "d.wav"]
    scan = MetadataCache(kept).scan(there, songs[0].parent)
    assert sorted(opened) == ["b.wav", "d.wav"]
    assert (scan.changed, scan.removed) == ([str(songs[1])], [str(songs[2])])
    assert scan.metadata[songs[1]].digest != before.metadata[songs[1]].digest
    assert scan.metadata[there[2]].digest == before.metadata[songs[0]].digest  # a copy
    again = MetadataCache(kept).scan(there, songs[0].parent)
    assert (again.changed, again.removed) == ([], [])


def test_a_new_time_of_change_is_enough(songs, kept, opened):
    MetadataCache(kept).scan(songs)
    opened.clear()
    os.utime(songs[0], ns=(1, 1))
    MetadataCache(kept).scan(songs)
    assert opened == ["a.wav"]


def test_a_bad_file_is_named_each_time(songs, kept):
    songs[0].write_text("no sound")
    removed = songs[0].parent / "gone.wav"
    for _ in range(2):
        scan = MetadataCache(kept).scan([*songs, removed])
        assert {skipped.file for skipped in scan.skipped} == {str(songs[0]), str(removed)}
        assert list(scan.metadata) == songs[1:]


@pytest.mark.parametrize("harm", ["text", "other tables", "a folder"])
def test_what_cannot_be_kept_is_read_again(songs, kept, harm):
    kept.mkdir()
    if harm == "text":
        (kept / FILE_NAME).write_text("no database " * 1000)
    elif harm == "other tables":
        sqlite3.connect(kept / FILE_NAME).execute(
            "CREATE TABLE files (path TEXT)"
        ).connection.close()
    else:
        (kept / FILE_NAME).mkdir()
    for _ in range(2):
        assert list(MetadataCache(kept).scan(songs).metadata) == songs


def test_names_that_are_no_unicode(tmp_path, kept, write_song, opened):
    plain = write_song(tmp_path / "music" / "x.wav", 0.5)
    odd = plain.parent / os.fsdecode(b"caf\xe9.wav")
    plain.rename(odd)
    for _ in range(2):
        scan = MetadataCache(kept).scan([odd])
        assert scan.skipped or list(scan.metadata) == [odd]


def test_the_folder_of_songs_stays_as_it_was(songs, kept):
    root = songs[0].parent
    before = sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*"))
    MetadataCache(kept).scan(songs, root)
    assert sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*")) == before


def test_facts_are_asked_once(kept):
    asked = []

    def ask(word):
        asked.append(word)
        return word.encode()

    for _ in range(2):
        found = MetadataCache(kept).get_or_compute({"x": "one", "y": "two"}, ask, "asking")
        assert found == {"x": b"one", "y": b"two"}
    assert sorted(asked) == ["one", "two"]
    MetadataCache(None).get_or_compute({"x": "one"}, ask, "asking")
    assert len(asked) == 3
