"""FMA: a table with three header rows, nested subsets, the official split."""

import shutil

import pytest

from ai_mixer.data.fma import Fma, read_tracks


@pytest.fixture
def root(look_alikes, tmp_path):
    return shutil.copytree(look_alikes("fma"), tmp_path / "fma")


def test_songs_of_the_small_subset(root):
    source = Fma(root)
    songs = {song.id: song for song in source.songs()}
    assert {name: (song.split, song.genre, song.group) for name, song in songs.items()} == {
        "000005": ("train", "hip_hop", "1"),
        "000140": ("train", "Folk", "54"),
        "000141": ("val", "rock", "55"),
        "000190": ("test", "electronic", "56"),
    }
    song = songs["000005"]
    assert (song.title, song.artist, song.licence) == ("Song, 5", "Artist 1", "CC BY-NC 3.0")
    assert song.duration_s == pytest.approx(3.0, abs=0.1)
    reasons = {file.rpartition("/")[2]: reason for file, reason in source.skipped}
    assert reasons == {
        "000999.mp3": "cannot be read as sound (no such file)",
        "098565.mp3": "a clip known to hold little sound or none",
    }


def test_subsets_are_nested(root):
    assert len(Fma(root, subset="medium").songs()) == 5
    large = Fma(root, subset="large").songs()
    assert len(large) == 6
    assert {song.id: song.genre for song in large}["000193"] is None
    assert {song.path.parts[-3] for song in large} == {"fma_large"}


def test_a_subset_s_own_folder_comes_first(root):
    shutil.copytree(root / "fma_large" / "000", root / "fma_medium" / "000")
    assert {song.path.parts[-3] for song in Fma(root, subset="medium").songs()} == {"fma_medium"}
    assert {song.path.parts[-3] for song in Fma(root, subset="large").songs()} == {"fma_large"}
    with pytest.raises(ValueError, match=r"fma_full: not there; .* needs fma_metadata/tracks\.csv"):
        Fma(root, subset="full").songs()  # whole tracks are no clips


def test_whole_tracks_are_not_what_is_known_as_faulty(root):
    (root / "fma_large").rename(root / "fma_full")
    assert "098565" in {song.id for song in Fma(root, subset="full").songs()}


def test_what_is_not_there_is_named(root):
    with pytest.raises(ValueError, match=r"data\.subset=tiny: is none of small, medium"):
        Fma(root, subset="tiny")
    (root / "fma_metadata" / "tracks.csv").unlink()
    with pytest.raises(ValueError, match=r"tracks\.csv: not there; data\.root="):
        Fma(root).songs()


def test_another_table_is_refused(root):
    table = root / "fma_metadata" / "tracks.csv"
    table.write_text("track_id,title\n2,Food\n")
    with pytest.raises(ValueError, match=r"has no column set\.split, .*: is it FMA's tracks\.csv"):
        read_tracks(table)
    table.write_text("")
    with pytest.raises(ValueError, match="has no column"):
        read_tracks(table)


def test_a_track_without_an_official_split_is_skipped(root):
    table = root / "fma_metadata" / "tracks.csv"
    table.write_text(table.read_text().replace("validation", "somewhere"))
    source = Fma(root)
    assert "000141" not in {song.id for song in source.songs()}
    assert "its split is somewhere, which is no official one" in {s.reason for s in source.skipped}
