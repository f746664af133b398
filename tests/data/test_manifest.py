"""Reading and writing manifests."""

import csv
from dataclasses import replace

import pytest

from ai_mixer.data.manifest import find_manifest, read_manifest, write_manifest


def manifest(folder, rows, name="manifest.csv"):
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return folder / name


@pytest.fixture
def folder(tmp_path, write_song):
    for name in ("one", "two", "three"):
        write_song(tmp_path / "finished" / f"{name}.wav", seconds=0.5)
    return tmp_path


def rows(**columns):
    return [{"file": f"finished/{name}.wav", **columns} for name in ("one", "two", "three")]


def test_every_column_is_read(folder, write_song):
    write_song(folder / "dry.wav")
    write_song(folder / "drums.wav")
    full = {
        "file": "finished/one.wav",
        "song": "one-song",
        "title": "One",
        "artist": "007",
        "group": "g",
        "fold": "2",
        "split": "val",
        "genre": "rock",
        "licence": "CC0-1.0",
        "source": "here",
        "start_s": "3.0",
        "duration_s": "0.5",
        "dry": "dry.wav",
        "drums": "drums.wav",
        "bass": "",
    }
    (song,) = read_manifest(manifest(folder, [full])).songs
    assert song.path == folder / "finished" / "one.wav"
    assert (song.id, song.song, song.group, song.split) == ("finished/one", "one-song", "g", "val")
    assert (song.title, song.artist, song.genre, song.licence) == ("One", "007", "rock", "CC0-1.0")
    assert (song.duration_s, song.sample_rate, song.channels) == (0.5, 8_000, 2)
    assert song.dry_path == folder / "dry.wav"
    assert song.stems == {"drums": folder / "drums.wav"}


def test_empty_cells_are_none(folder):
    songs, _ = read_manifest(manifest(folder, rows(genre="", artist="", group="", split="")))
    assert {song.genre for song in songs} == {song.artist for song in songs} == {None}
    assert {song.group for song in songs} == {row["file"] for row in rows()}
    assert {song.split for song in songs} == {"train", "val", "test"}


def test_written_manifest_is_read_unchanged(folder, write_song):
    write_song(folder / "dry.wav")
    write_song(folder / "vocals.wav")
    first, *others = read_manifest(
        manifest(folder, rows(genre="pop, or so", artist='A "B" C'))
    ).songs
    stems = {"vocals": folder / "vocals.wav"}
    songs = [replace(first, dry_path=folder / "dry.wav", stems=stems), *others]
    write_manifest(folder / "copy.csv", songs)
    assert read_manifest(folder / "copy.csv") == (songs, [])


def test_manifest_is_found_in_the_folder_or_above(folder):
    path = manifest(folder, rows())
    assert find_manifest(folder) == find_manifest(folder / "finished") == path
    assert find_manifest(folder / "finished" / "deeper") is None


def test_only_songs_below_the_root_are_read(folder, write_song):
    write_song(folder / "stems" / "drums.wav")
    path = manifest(folder, [*rows(), {"file": "stems/drums.wav"}])
    assert len(read_manifest(path).songs) == 4
    assert len(read_manifest(path, folder / "finished").songs) == 3
    with pytest.raises(ValueError, match=r"manifest\.csv.*4 files.*elsewhere"):
        read_manifest(path, folder / "elsewhere")


def test_folds_replace_the_split(folder):
    path = manifest(folder, [row | {"fold": i, "split": "train"} for i, row in enumerate(rows())])
    assert [song.split for song in read_manifest(path, fold=1).songs] == ["train", "test", "val"]
    with pytest.raises(ValueError, match=r"data\.fold=0"):
        read_manifest(manifest(folder, rows()), fold=0)


def test_songs_with_unreadable_or_missing_files_are_skipped(folder):
    (folder / "finished" / "two.wav").write_text("no sound")
    songs, skipped = read_manifest(manifest(folder, [*rows()[:2], rows(dry="gone.wav")[2]]))
    assert [song.song for song in songs] == ["finished/one"]
    assert [song.file for song in skipped] == [
        str(folder / "finished" / name) for name in ("two.wav", "three.wav")
    ]
    assert "gone.wav" in skipped[1].reason


def test_missing_songs_are_skipped(folder):
    songs, skipped = read_manifest(manifest(folder, [*rows(), {"file": "finished/four.wav"}]))
    assert len(songs) == 3
    assert skipped[0].file == str(folder / "finished" / "four.wav")
    assert "no such file" in skipped[0].reason


def test_manifest_without_usable_song_is_an_error(folder):
    with pytest.raises(ValueError, match=r"manifest\.csv.*nothing\.wav"):
        read_manifest(manifest(folder, [{"file": "nothing.wav"}]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "CSV"),
        ("title,artist\na,b\n", "`file`.*title, artist"),
        ("file,split\n,train\n", "line 2"),
        ("file,split\na.wav,valid\n", "line 2: split.*'valid'"),
    ],
)
def test_malformed_tables_are_errors(tmp_path, text, message):
    (tmp_path / "songs.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"songs\.csv: .*{message}"):
        read_manifest(tmp_path / "songs.csv")


def test_missing_manifest_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"songs\.csv"):
        read_manifest(tmp_path / "songs.csv")
