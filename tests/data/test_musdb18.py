"""MUSDB18 in both formats: official split, four stems, missing files."""

import shutil
import sys

import pytest

from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.data.file_digest import song_digests
from ai_mixer.data.musdb18 import VALIDATION_SONGS, Musdb18, Musdb18HQ

FORMS = {"musdb18": Musdb18, "musdb18hq": Musdb18HQ}


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def root(form, synthetic_dataset, tmp_path):
    """A copy that tests may modify."""
    return shutil.copytree(synthetic_dataset(form), tmp_path / form)


def test_metadata_of_songs(form, root):
    songs = {song.id: song for song in FORMS[form](root).songs()}
    assert {name: song.split for name, song in songs.items()} == {
        "A Classic Education - NightOwl": "train",
        "Actions - One Minute Smile": "val",
        "Actions - South Of The Water": "train",
        "Young Griffo - Pennies": "val",
        "Al James - Schoolboy Facination": "test",
        "Triviul feat. The Fiend - Widow": "test",
    }
    song = songs["Actions - South Of The Water"]
    assert (song.artist, song.group, song.title) == ("Actions", "Actions", "South Of The Water")
    assert (round(song.duration_s, 1), song.sample_rate, song.channels) == (3.0, 44100, 2)
    assert song.dry_path is None
    assert song.genre is None
    assert song.licence.startswith("academic use only")


def test_stems_can_be_read_and_differ(form, root):
    song = FORMS[form](root).songs()[0]
    assert list(song.stems) == ["drums", "bass", "other", "vocals"]
    parts = [read_excerpt(path, 1.0, 0.2, 44100) for path in (song.path, *song.stems.values())]
    assert not any(a.equal(b) for n, a in enumerate(parts) for b in parts[:n])


def test_songs_have_digests(form, root):
    """Stems that are streams of one file have no file of their own."""
    assert len(set(song_digests(FORMS[form](root).songs()))) == 6


def test_number_of_validation_songs_is_14():
    assert len(VALIDATION_SONGS) == 14


def test_other_layouts_are_errors(form, root, tmp_path):
    shutil.rmtree(root / "test")
    with pytest.raises(ValueError, match=r"/test.*data\.root="):
        FORMS[form](root).songs()
    with pytest.raises(ValueError, match=rf"nowhere.*configs/data/{form}\.yaml"):
        FORMS[form](tmp_path / "nowhere").songs()
    (tmp_path / "test").mkdir()
    (tmp_path / "train").mkdir()
    with pytest.raises(ValueError, match=rf"{form}.*train/ and test/"):
        FORMS[form](tmp_path).songs()


def test_damaged_songs_are_skipped(root, form):
    damaged = next(file for file in sorted(root.rglob("*")) if file.is_file())
    damaged.write_bytes(b"no sound")
    source = FORMS[form](root)
    assert len(source.songs()) == (5 if damaged.stem.endswith("stem") else 6)
    if form == "musdb18":
        (skipped,) = source.skipped
        assert skipped.file == str(damaged)


def test_songs_without_all_stems_are_skipped(synthetic_dataset, tmp_path):
    root = shutil.copytree(synthetic_dataset("musdb18hq"), tmp_path / "hq")
    folder = root / "train" / "Young Griffo - Pennies"
    (folder / "bass.wav").unlink()
    source = Musdb18HQ(root)
    assert len(source.songs()) == 5
    (skipped,) = source.skipped
    assert skipped.file == str(folder)
    assert "bass.wav" in skipped.reason


def test_missing_decoder_is_an_error(synthetic_dataset, monkeypatch):
    root = synthetic_dataset("musdb18")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match="PyAV"):
        Musdb18(root).songs()
