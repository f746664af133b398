"""MUSDB18 in both forms: the official split, four stems, what is missing named."""

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
def root(form, look_alikes, tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(look_alikes(form), tmp_path / form)


def test_songs(form, root):
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
    assert (song.duration_s, song.sample_rate, song.channels) == (3.0, 44100, 2)
    assert song.dry_path is None
    assert song.genre is None
    assert song.licence.startswith("academic use only")


def test_the_stems_can_be_read_and_differ(form, root):
    song = FORMS[form](root).songs()[0]
    assert list(song.stems) == ["drums", "bass", "other", "vocals"]
    parts = [read_excerpt(path, 1.0, 0.2, 44100) for path in (song.path, *song.stems.values())]
    assert not any(a.equal(b) for n, a in enumerate(parts) for b in parts[:n])


def test_songs_have_fingerprints_of_their_files(form, root):
    """What a run writes down of each song; a stream is not a file."""
    assert len(set(song_digests(FORMS[form](root).songs()))) == 6


def test_fourteen_songs_are_for_validation():
    assert len(VALIDATION_SONGS) == 14


def test_another_layout_is_named(form, root, tmp_path):
    shutil.rmtree(root / "test")
    with pytest.raises(ValueError, match=r"/test: not there; data\.root=.* needs train/ and test/"):
        FORMS[form](root).songs()
    with pytest.raises(ValueError, match=rf"no such folder; how to get it: configs/data/{form}\.y"):
        FORMS[form](tmp_path / "nowhere").songs()
    (tmp_path / "test").mkdir()
    (tmp_path / "train").mkdir()
    with pytest.raises(ValueError, match=rf"no song of {form} can be used; it needs train/ and"):
        FORMS[form](tmp_path).songs()


def test_a_damaged_song_is_skipped_by_name(root, form):
    victim = next(file for file in sorted(root.rglob("*")) if file.is_file())
    victim.write_bytes(b"no sound")
    source = FORMS[form](root)
    assert len(source.songs()) == (5 if victim.stem.endswith("stem") else 6)
    if form == "musdb18":
        ((file, reason),) = source.skipped
        assert file == str(victim)
        assert "cannot be read as sound" in reason


def test_a_missing_stem_is_named(look_alikes, tmp_path):
    root = shutil.copytree(look_alikes("musdb18hq"), tmp_path / "hq")
    folder = root / "train" / "Young Griffo - Pennies"
    (folder / "bass.wav").unlink()
    source = Musdb18HQ(root)
    assert len(source.songs()) == 5
    assert source.skipped == [(str(folder), "lacks bass.wav")]


def test_stems_need_their_decoder_before_anything_is_read(look_alikes, monkeypatch):
    root = look_alikes("musdb18")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match="needs PyAV"):
        Musdb18(root).songs()
