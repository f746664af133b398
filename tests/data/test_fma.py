"""FMA: table with three header rows, nested subsets, official split."""

import shutil

import pytest

from ai_mixer.data.fma import Fma, read_tracks


@pytest.fixture
def root(synthetic_dataset, tmp_path):
    return shutil.copytree(synthetic_dataset("fma"), tmp_path / "fma")


def test_metadata_of_the_small_subset(root):
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
    assert set(reasons) == {"000999.mp3", "098565.mp3"}
    assert "no such file" in reasons["000999.mp3"]


def test_subsets_are_nested(root):
    assert len(Fma(root, subset="medium").songs()) == 5
    large = Fma(root, subset="large").songs()
    assert len(large) == 6
    assert {song.id: song.genre for song in large}["000193"] is None
    assert {song.path.parts[-3] for song in large} == {"fma_large"}


def test_folder_of_the_subset_is_preferred(root):
    shutil.copytree(root / "fma_large" / "000", root / "fma_medium" / "000")
    assert {song.path.parts[-3] for song in Fma(root, subset="medium").songs()} == {"fma_medium"}
    assert {song.path.parts[-3] for song in Fma(root, subset="large").songs()} == {"fma_large"}
    with pytest.raises(ValueError, match=r"fma_full.*fma_metadata/tracks\.csv"):
        Fma(root, subset="full").songs()  # clips do not replace whole tracks


def test_whole_tracks_of_faulty_clips_are_used(root):
    (root / "fma_large").rename(root / "fma_full")
    assert "098565" in {song.id for song in Fma(root, subset="full").songs()}


def test_unknown_subset_and_missing_table_are_errors(root):
    with pytest.raises(ValueError, match=r"data\.subset=tiny.*small, medium"):
        Fma(root, subset="tiny")
    (root / "fma_metadata" / "tracks.csv").unlink()
    with pytest.raises(ValueError, match=r"tracks\.csv.*data\.root="):
        Fma(root).songs()


def test_other_tables_are_errors(root):
    table = root / "fma_metadata" / "tracks.csv"
    table.write_text("track_id,title\n2,Food\n")
    with pytest.raises(ValueError, match=r"tracks\.csv: .*set\.split"):
        read_tracks(table)
    table.write_text("")
    with pytest.raises(ValueError, match=r"tracks\.csv: .*set\.split"):
        read_tracks(table)


def test_tracks_with_unknown_split_are_skipped(root):
    table = root / "fma_metadata" / "tracks.csv"
    table.write_text(table.read_text().replace("validation", "somewhere"))
    source = Fma(root)
    assert "000141" not in {song.id for song in source.songs()}
    assert any("somewhere" in song.reason for song in source.skipped)
