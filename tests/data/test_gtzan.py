"""GTZAN: the fault-filtered split, its known bad file, and no random split by accident."""

import shutil

import pytest

from ai_mixer.core.types import GENRES as OURS
from ai_mixer.data.gtzan import GENRES, Gtzan, filtered_split


@pytest.fixture
def root(look_alikes, tmp_path):
    return shutil.copytree(look_alikes("gtzan"), tmp_path / "gtzan")


def test_the_split_is_that_of_another_transcription():
    """torchaudio writes the same 930 excerpts out by name."""
    from ai_mixer.utils.torchaudio_shim import torchaudio

    lists = torchaudio.datasets.gtzan
    splits = filtered_split()
    assert len(splits) == 930
    theirs = {"train": "filtered_train", "val": "filtered_valid", "test": "filtered_test"}
    for split, name in theirs.items():
        assert {k for k, v in splits.items() if v == split} == set(getattr(lists, name))
    assert list(GENRES) == lists.gtzan_genres


def test_songs(root):
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
    assert reasons["reggae.00086.wav"] == "not in the fault-filtered split"
    assert reasons["jazz.00054.wav"].startswith("cannot be read as sound")
    assert len(reasons) == 2


def test_four_genres_are_ours_by_their_own_names():
    assert set(OURS) - {"electronic", "hip_hop"} <= set(GENRES)


@pytest.mark.parametrize("place", [".", "genres_original", "Data/genres_original"])
def test_other_archives_name_the_folder_otherwise(root, tmp_path, place):
    shutil.copytree(root / "genres", tmp_path / "other" / place, dirs_exist_ok=True)
    assert len(Gtzan(tmp_path / "other").songs()) == 8


def test_the_original_s_au_files(root, tmp_path):
    import soundfile

    for file in root.rglob("[!.]*.wav"):
        if file.name != "jazz.00054.wav":
            soundfile.write(file.with_suffix(".au"), *soundfile.read(file))
            file.unlink()
    assert {song.path.suffix for song in Gtzan(root).songs()} == {".au"}


def test_a_random_split_is_only_made_when_asked_for_and_says_what_it_is(root):
    source = Gtzan(root, split="random")
    with pytest.warns(UserWarning, match="figures on it flatter the model"):
        songs = source.songs()
    assert len(songs) == 9
    assert {song.split for song in songs} == {"train", "val", "test"}
    with pytest.raises(ValueError, match=r"data\.split=artist: is neither filtered nor random"):
        Gtzan(root, split="artist")


def test_another_layout_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"genres: not there; data\.root=.* needs folders blues/"):
        Gtzan(tmp_path).songs()
