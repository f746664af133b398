"""GTZAN: fault-filtered split, damaged file, random split."""

import shutil

import pytest

from ai_mixer.core.types import GENRES as PROJECT_GENRES
from ai_mixer.data.gtzan import GENRES, Gtzan, filtered_split


@pytest.fixture
def root(synthetic_dataset, tmp_path):
    return shutil.copytree(synthetic_dataset("gtzan"), tmp_path / "gtzan")


def test_filtered_split_equals_that_of_torchaudio():
    """torchaudio lists the same 930 excerpts by name."""
    from ai_mixer.utils.torchaudio_shim import torchaudio

    lists = torchaudio.datasets.gtzan
    splits = filtered_split()
    assert len(splits) == 930
    names = {"train": "filtered_train", "val": "filtered_valid", "test": "filtered_test"}
    for split, name in names.items():
        assert {k for k, v in splits.items() if v == split} == set(getattr(lists, name))
    assert list(GENRES) == lists.gtzan_genres


def test_metadata_of_songs(root):
    source = Gtzan(root)
    songs = {song.id: song for song in source.songs()}
    assert {name: (song.split, song.genre) for name, song in songs.items()} == {
        "blues.00000": ("val", "blues"),
        "blues.00012": ("test", "blues"),
        "blues.00029": ("train", "blues"),
        "hiphop.00003": ("train", "hip_hop"),
        "hiphop.00030": ("test", "hip_hop"),
        "rock.00000": ("train", "rock"),
        "rock.00010": ("test", "rock"),
        "rock.00038": ("val", "rock"),
    }
    song = songs["blues.00000"]
    assert (song.sample_rate, song.channels) == (22_050, 1)
    reasons = {file.rpartition("/")[2]: reason for file, reason in source.skipped}
    assert set(reasons) == {"reggae.00086.wav", "jazz.00054.wav"}
    assert "fault-filtered" in reasons["reggae.00086.wav"]


def test_four_genres_have_the_same_name():
    assert set(PROJECT_GENRES) - {"electronic", "hip_hop"} <= set(GENRES)


@pytest.mark.parametrize("folder", [".", "genres_original", "Data/genres_original"])
def test_other_folder_names_are_found(root, tmp_path, folder):
    shutil.copytree(root / "genres", tmp_path / "other" / folder, dirs_exist_ok=True)
    assert len(Gtzan(tmp_path / "other").songs()) == 8


def test_au_files_are_found(root, tmp_path):
    import soundfile

    for file in root.rglob("[!.]*.wav"):
        if file.name != "jazz.00054.wav":
            soundfile.write(file.with_suffix(".au"), *soundfile.read(file))
            file.unlink()
    assert {song.path.suffix for song in Gtzan(root).songs()} == {".au"}


def test_random_split_causes_a_warning(root):
    source = Gtzan(root, split="random")
    with pytest.warns(UserWarning, match=r"data\.split=random"):
        songs = source.songs()
    assert len(songs) == 9
    assert {song.split for song in songs} == {"train", "val", "test"}
    with pytest.raises(ValueError, match=r"data\.split=artist"):
        Gtzan(root, split="artist")


def test_other_layouts_are_errors(tmp_path):
    with pytest.raises(ValueError, match=r"data\.root=.*blues/"):
        Gtzan(tmp_path).songs()
