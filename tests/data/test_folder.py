"""Any tree of songs: genre and artist by folder, or what the manifest says."""

import os
import re

import numpy as np
import pytest
import soundfile
from hydra.utils import instantiate
from omegaconf import OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.core.types import SkippedSong
from ai_mixer.data.folder import ROOT_VARIABLE, Folder


def test_genre_and_artist_by_folder(tree):
    songs = {song.id: song for song in Folder(tree).songs()}
    assert songs["rock/a/song"].genre == "rock"
    assert songs["rock/a/song"].artist == songs["rock/a/song"].group == "a"
    assert songs["Hip-Hop/lonely"].genre == "Hip-Hop"
    assert songs["Hip-Hop/lonely"].artist is None
    assert songs["Hip-Hop/lonely"].group == "Hip-Hop/lonely.wav"
    assert songs["loose"].genre is None
    assert len(songs) == 7
    assert {song.split for song in songs.values()} == {"train", "val", "test"}
    assert songs["Hip-Hop/d/first"].split == songs["Hip-Hop/d/second"].split
    assert songs["loose"].duration_s == 4.0


def test_same_every_time_and_sorted(tree):
    songs = Folder(str(tree)).songs()
    assert songs == Folder(tree).songs()
    assert [song.path for song in songs] == sorted(song.path for song in songs)


def test_root_from_the_environment(tree, tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(tree))
    assert Folder().root == tree
    (tmp_path / "finished").symlink_to(tree)
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    assert Folder().root == tmp_path / "finished"
    assert len(Folder().songs()) == 7


def test_manifest_of_the_folder_above(tree, tmp_path, write_song):
    write_song(tmp_path / "finished" / "one.wav")
    (tmp_path / "manifest.csv").write_text("file,genre\nfinished/one.wav,jazz\n")
    (song,) = Folder(tmp_path / "finished").songs()
    assert song.genre == "jazz"
    assert song.path == tmp_path / "finished" / "one.wav"
    (tmp_path / "mine.csv").write_text("file,genre\nfinished/one.wav,polka\n")
    assert Folder(tmp_path, manifest=tmp_path / "mine.csv").songs()[0].genre == "polka"


def test_config(tree, tmp_path):
    page = OmegaConf.create({"data": OmegaConf.load(config_folder() / "data" / "folder.yaml")})
    page.data.root, page.paths = str(tree), {"data": str(tmp_path)}
    assert len(instantiate(page.data.source).songs()) == 7
    assert (tmp_path / "index" / "index.sqlite").is_file()


def test_a_bad_file_is_left_out_by_name(tmp_path, write_song):
    write_song(tmp_path / "good.wav")
    (tmp_path / "bad.wav").write_text("no sound")
    folder = Folder(tmp_path)
    assert [song.id for song in folder.songs()] == ["good"]
    ((file, reason),) = folder.skipped
    assert file == str(tmp_path / "bad.wav")
    assert reason.startswith("cannot be read as sound")
    (tmp_path / "good.wav").unlink()
    with pytest.raises(ValueError, match=r"not one of its songs can be used: .*bad\.wav"):
        folder.songs()


def test_hidden_files_are_no_songs(tmp_path, write_song):
    """What a Mac leaves beside every file on a foreign disk is called `._song.wav`."""
    write_song(tmp_path / "song.wav")
    write_song(tmp_path / ".Trash" / "old.wav")
    (tmp_path / "._song.wav").write_text("no sound")
    folder = Folder(tmp_path)
    assert [song.id for song in folder.songs()] == ["song"]
    assert not folder.skipped


def test_a_folder_that_may_not_be_read_is_named(open_folder, write_song, nobody):
    write_song(open_folder / "rock" / "song.wav")
    write_song(open_folder / "jazz" / "song.wav")
    (open_folder / "jazz").chmod(0)
    folder = Folder(open_folder)
    with nobody():
        assert [song.id for song in folder.songs()] == ["rock/song"]
    assert folder.skipped == [SkippedSong(str(open_folder / "jazz"), "Permission denied")]
    (open_folder / "rock").chmod(0)
    with nobody(), pytest.raises(ValueError, match=r"(jazz|rock): Permission denied"):
        folder.songs()


def test_errors_say_the_way_out(tmp_path, monkeypatch):
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    with pytest.raises(ValueError, match=rf"say data\.root=/your/music or set {ROOT_VARIABLE}"):
        Folder()
    with pytest.raises(ValueError, match=r"data\.root=/no/where: no such folder"):
        Folder("/no/where")
    with pytest.raises(ValueError, match="no sound files: put songs there"):
        Folder(tmp_path).songs()
    with pytest.raises(ValueError, match=r"data\.fold=1: folds come from a manifest"):
        Folder(tmp_path, fold=1)


@pytest.mark.music
@pytest.mark.parametrize(
    ("fold", "counts"), [(None, (123, 26, 59)), (0, (75, 74, 59)), (2, (153, 26, 29))]
)
def test_real_music(fold, counts):
    if ROOT_VARIABLE not in os.environ:
        pytest.skip(f"{ROOT_VARIABLE} names no folder of music")
    songs = Folder(fold=fold).songs()
    assert tuple(sum(s.split == name for s in songs) for name in ("train", "val", "test")) == counts
    sides = {
        group: {s.split for s in songs if s.group == group} for group in {s.group for s in songs}
    }
    assert all(len(side) == 1 for side in sides.values())


def test_songs_of_one_name_by_two_artists_are_two_songs(tmp_path):
    for artist in ("first", "second"):
        file = tmp_path / "rock" / artist / "song.wav"
        file.parent.mkdir(parents=True)
        soundfile.write(file, np.zeros((8000, 2)), 8000)
    assert len({song.song for song in Folder(tmp_path).songs()}) == 2


def noise(path, seed, seconds=8.0, **tags):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.random.default_rng(seed).standard_normal(round(seconds * 8000))
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        for name, value in tags.items():
            setattr(file, name, value)
        file.write(0.1 * audio)


def test_tags_say_what_the_folders_do_not(tmp_path):
    noise(tmp_path / "one.flac", 1, artist="someone", genre="folk", license="CC0")
    noise(tmp_path / "jazz" / "two.flac", 2, artist="someone", genre="folk")
    noise(tmp_path / "jazz" / "a trio" / "three.flac", 3, artist="someone")
    one, two, three = sorted(Folder(tmp_path).songs(), key=lambda song: song.title != "one")
    two, three = sorted((two, three), key=lambda song: song.title, reverse=True)
    assert (one.genre, one.artist, one.group, one.licence) == ("folk", *["someone"] * 2, "CC0")
    assert (two.genre, two.group) == ("jazz", "someone")
    assert (three.genre, three.group) == ("jazz", "a trio")


def test_folds_of_a_folder_test_each_song_once(tmp_path):
    for n in range(10):
        noise(tmp_path / ("rock" if n < 5 else "jazz") / f"band {n}" / "song.wav", n, 0.5)
    tested = []
    for k in range(5):
        songs = Folder(tmp_path, fold=f"{k}/5").songs()
        tested += [song.id for song in songs if song.split == "test"]
        assert {song.genre for song in songs if song.split == "test"} == {"rock", "jazz"}
    assert len(tested) == len(set(tested)) == 10
    with pytest.raises(ValueError, match=r"data\.fold=1: folds come from a manifest.*fold=1/5"):
        Folder(tmp_path, fold=1)


def test_a_near_duplicate_stays_with_its_original(tmp_path):
    for n in range(6):
        noise(tmp_path / f"{n}.wav", n)
    audio, rate = soundfile.read(tmp_path / "0.wav")
    for n in range(20):  # somewhere among the sides that a file of this name may get
        soundfile.write(tmp_path / f"copy {n}.flac", 0.3 * audio[900:], rate)
    songs = {song.id: song.split for song in Folder(tmp_path, near_duplicates=True).songs()}
    sides = {split for name, split in songs.items() if name.startswith("copy")}
    assert sides == {songs["0"]}


@pytest.mark.parametrize("leaks", ["refuse", "allow"])
def test_a_leak_by_ear_is_refused_or_said(tmp_path, leaks):
    for n in range(4):
        noise(tmp_path / f"{n}.wav", n)
    audio, rate = soundfile.read(tmp_path / "0.wav")
    soundfile.write(tmp_path / "copy.flac", 0.3 * audio[900:], rate)
    rows = ["0.wav,train", "1.wav,train", "2.wav,val", "3.wav,test", "copy.flac,test"]
    (tmp_path / "manifest.csv").write_text("\n".join(["file,split", *rows]))
    folder = Folder(tmp_path, near_duplicates=True, leaks=leaks)
    leak = r"0.wav (train) and copy.flac (test) are the same recording"
    if leaks == "allow":
        assert len(folder.songs()) == 5
        assert folder.leaks == [leak]
    else:
        with pytest.raises(ValueError, match=re.escape(f"manifest.csv: {leak}: put them on one")):
            folder.songs()
