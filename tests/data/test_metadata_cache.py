"""MetadataCache: unchanged files are read once; the folder of the music is not modified."""

import os
import sqlite3
from contextlib import closing

import pytest

from ai_mixer.data import metadata_cache
from ai_mixer.data.metadata_cache import FILE_NAME, MetadataCache


@pytest.fixture
def opened(monkeypatch):
    """Names of the files whose headers are read, in order."""
    names = []
    open_audio = metadata_cache.open_audio

    def record(path, **options):
        names.append(path.name)
        return open_audio(path, **options)

    monkeypatch.setattr(metadata_cache, "open_audio", record)
    return names


@pytest.fixture
def songs(tmp_path, write_song):
    folder = tmp_path / "music"
    return [write_song(folder / name, 0.5) for name in ("a.wav", "b.wav", "sub/c.wav")]


@pytest.fixture
def cache_folder(tmp_path):
    return tmp_path / "cache"


def test_cached_headers_are_not_read_again(songs, cache_folder, opened):
    first = MetadataCache(cache_folder).scan(songs)
    assert sorted(opened) == ["a.wav", "b.wav", "c.wav"]
    opened.clear()
    assert MetadataCache(cache_folder).scan(songs) == first
    assert opened == []
    assert [metadata.header.duration_s for metadata in first.metadata.values()] == [0.5] * 3


def test_only_new_and_changed_files_are_read(songs, cache_folder, opened, write_song):
    before = MetadataCache(cache_folder).scan(songs)
    opened.clear()
    write_song(songs[1], 0.7)
    (songs[0].parent / "d.wav").write_bytes(songs[0].read_bytes())
    songs[2].unlink()
    files = [*songs[:2], songs[0].parent / "d.wav"]
    scan = MetadataCache(cache_folder).scan(files, songs[0].parent)
    assert sorted(opened) == ["b.wav", "d.wav"]
    assert (scan.changed, scan.removed) == ([str(songs[1])], [str(songs[2])])
    assert scan.metadata[songs[1]].digest != before.metadata[songs[1]].digest
    assert scan.metadata[files[2]].digest == before.metadata[songs[0]].digest  # a copy
    second = MetadataCache(cache_folder).scan(files, songs[0].parent)
    assert (second.changed, second.removed) == ([], [])


def test_new_modification_time_invalidates_an_entry(songs, cache_folder, opened):
    MetadataCache(cache_folder).scan(songs)
    opened.clear()
    os.utime(songs[0], ns=(1, 1))
    MetadataCache(cache_folder).scan(songs)
    assert opened == ["a.wav"]


def test_unreadable_files_are_skipped_every_time(songs, cache_folder):
    songs[0].write_text("no sound")
    removed = songs[0].parent / "gone.wav"
    for _ in range(2):
        scan = MetadataCache(cache_folder).scan([*songs, removed])
        assert {skipped.file for skipped in scan.skipped} == {str(songs[0]), str(removed)}
        assert list(scan.metadata) == songs[1:]


@pytest.mark.parametrize("damage", ["text", "other tables", "a folder"])
def test_damaged_cache_is_ignored(songs, cache_folder, damage):
    cache_folder.mkdir()
    if damage == "text":
        (cache_folder / FILE_NAME).write_text("no database " * 1000)
    elif damage == "other tables":
        with closing(sqlite3.connect(cache_folder / FILE_NAME)) as database:
            database.execute("CREATE TABLE audio_files (path TEXT)")
    else:
        (cache_folder / FILE_NAME).mkdir()
    for _ in range(2):
        assert list(MetadataCache(cache_folder).scan(songs).metadata) == songs


def test_file_names_that_are_not_unicode(tmp_path, cache_folder, write_song, opened):
    plain = write_song(tmp_path / "music" / "x.wav", 0.5)
    odd = plain.parent / os.fsdecode(b"caf\xe9.wav")
    plain.rename(odd)
    for _ in range(2):
        scan = MetadataCache(cache_folder).scan([odd])
        assert scan.skipped or list(scan.metadata) == [odd]


def test_folder_of_the_music_is_not_modified(songs, cache_folder):
    root = songs[0].parent
    before = sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*"))
    MetadataCache(cache_folder).scan(songs, root)
    assert sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*")) == before


def test_values_are_computed_once(cache_folder):
    computed = []

    def encode(text):
        computed.append(text)
        return text.encode()

    for _ in range(2):
        values = MetadataCache(cache_folder).get_or_compute(
            {"x": "one", "y": "two"}, encode, "encoding"
        )
        assert values == {"x": b"one", "y": b"two"}
    assert sorted(computed) == ["one", "two"]
    MetadataCache(None).get_or_compute({"x": "one"}, encode, "encoding")
    assert len(computed) == 3
