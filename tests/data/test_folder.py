"""Folders of songs: genre and artist by folder, tags or manifest."""

import os
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hydra.utils import instantiate
from omegaconf import OmegaConf

from ai_mixer.audio.open_audio import SUFFIXES
from ai_mixer.config.folder import config_folder
from ai_mixer.core.types import SkippedSong
from ai_mixer.data.folder import ROOT_VARIABLE, Folder
from helpers.signals import noise


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


def test_songs_are_sorted_by_path(tree):
    songs = Folder(str(tree)).songs()
    assert songs == Folder(tree).songs()
    assert [song.path for song in songs] == sorted(song.path for song in songs)


def test_root_is_read_from_the_environment(tree, tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(tree))
    assert Folder().root == tree
    (tmp_path / "finished").symlink_to(tree)
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    assert Folder().root == tmp_path / "finished"
    assert len(Folder().songs()) == 7


def test_manifest_in_the_folder_above_is_used(tree, tmp_path, write_song):
    write_song(tmp_path / "finished" / "one.wav")
    (tmp_path / "manifest.csv").write_text("file,genre\nfinished/one.wav,jazz\n")
    (song,) = Folder(tmp_path / "finished").songs()
    assert song.genre == "jazz"
    assert song.path == tmp_path / "finished" / "one.wav"
    (tmp_path / "other.csv").write_text("file,genre\nfinished/one.wav,polka\n")
    assert Folder(tmp_path, manifest=tmp_path / "other.csv").songs()[0].genre == "polka"


def test_config_builds_a_folder_with_an_index(tree, tmp_path):
    cfg = OmegaConf.create({"data": OmegaConf.load(config_folder() / "data" / "folder.yaml")})
    cfg.data.root, cfg.paths = str(tree), {"data": str(tmp_path)}
    assert len(instantiate(cfg.data.source).songs()) == 7
    assert (tmp_path / "index" / "index.sqlite").is_file()


def test_unreadable_files_are_skipped(tmp_path, write_song):
    write_song(tmp_path / "good.wav")
    (tmp_path / "bad.wav").write_text("no sound")
    folder = Folder(tmp_path)
    assert [song.id for song in folder.songs()] == ["good"]
    ((file, reason),) = folder.skipped
    assert file == str(tmp_path / "bad.wav")
    assert reason
    (tmp_path / "good.wav").unlink()
    with pytest.raises(ValueError, match=r"bad\.wav"):
        folder.songs()


def test_everything_that_is_not_read_is_named_or_counted(tmp_path, write_song):
    write_song(tmp_path / "song.wav")
    for name in ("a.mid", "b.mid", "take.als", "notes"):
        (tmp_path / name).write_text("no sound")
    for name in ("cover.jpg", "back.jpg", "album.cue"):
        (tmp_path / name).write_text("no sound")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    folder = Folder(tmp_path)
    assert [song.id for song in folder.songs()] == ["song"]
    reasons = {Path(file).name: reason for file, reason in folder.skipped}
    assert reasons == {
        "a.mid": ".mid is not read",
        "b.mid": ".mid is not read",
        "take.als": ".als is not read",
        "notes": "has no file extension",
        "gone": "is a link to what is not there",
    }
    assert folder.other_files == {".jpg": 2, ".cue": 1}


def test_every_readable_kind_is_found(tmp_path):
    """One song per suffix, whatever the content: the decoder goes by the content."""
    for suffix in SUFFIXES:
        soundfile.write(tmp_path / f"a{suffix}", np.full(8000, 0.1), 8000, format="WAV")
    (tmp_path / "a.mp4").unlink()  # would be read as streams
    assert len(Folder(tmp_path).songs()) == len(SUFFIXES) - 1
    kinds = ("m4a", "aac", "opus", "wma", "caf", "w64", "rf64", "aifc", "oga", "webm", "mov")
    assert {f".{kind}" for kind in kinds} <= SUFFIXES


def test_links_to_folders_are_followed_once(tmp_path, write_song):
    write_song(tmp_path / "elsewhere" / "artist" / "song.wav")
    write_song(tmp_path / "music" / "jazz" / "other.wav")
    root = tmp_path / "music"
    (root / "rock").symlink_to(tmp_path / "elsewhere")
    (root / "a copy").symlink_to(root / "jazz")  # is read anyway
    (root / "jazz" / "up").symlink_to(tmp_path)
    (tmp_path / "elsewhere" / "round").symlink_to(tmp_path / "elsewhere")
    folder = Folder(root)
    assert [song.id for song in folder.songs()] == ["jazz/other", "rock/artist/song"]
    reason = "is a link to a folder that contains it"
    assert folder.skipped == [SkippedSong(str(root / "jazz" / "up"), reason)]


def test_composed_and_decomposed_names_are_one_genre_and_artist(tmp_path, write_song):
    for form, name in (("NFC", "one"), ("NFD", "two")):
        folder = unicodedata.normalize(form, "Électro/Björk")
        write_song(tmp_path / folder / f"{name}.wav")
    songs = Folder(tmp_path).songs()
    assert {(song.genre, song.group) for song in songs} == {("Électro", "Björk")}
    rows = [unicodedata.normalize(form, "Électro,Björk") for form in ("NFC", "NFD")]
    files = [song.path.relative_to(tmp_path) for song in songs]
    lines = [f"{file},{row}" for file, row in zip(files, rows, strict=True)]
    (tmp_path / "manifest.csv").write_text("\n".join(["file,genre,artist", *lines]))
    songs = Folder(tmp_path).songs()
    assert {(song.genre, song.group) for song in songs} == {("Électro", "Björk")}


def test_references_and_pairs_are_matched_in_either_form(tmp_path, write_song):
    name = {form: unicodedata.normalize(form, "Café") for form in ("NFC", "NFD")}
    write_song(tmp_path / "rock" / f"{name['NFC']}.wav")
    write_song(tmp_path / "references" / "rock" / f"{name['NFD']}.wav")
    songs = {song.id: song for song in Folder(tmp_path).songs()}
    assert songs[f"rock/{name['NFC']}"].reference is not None


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_song_that_breaks_off_is_used_with_a_warning(tmp_path, suffix):
    write_noise(tmp_path / f"cut.{suffix}", 1)
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for _ in range(2):  # also from the cache
        with pytest.warns(UserWarning, match=rf"cut\.{suffix} breaks off after [34]\.\d of 8\.0 s"):
            (song,) = Folder(tmp_path, index=tmp_path / "cache").songs()
    assert 3.0 < song.duration_s <= 4.0


def test_a_flac_from_a_pipe_has_its_length(tmp_path):
    """Its header leaves the number of samples open: 0 in 36 bits."""
    write_noise(tmp_path / "pipe.flac", 1)
    content = bytearray((tmp_path / "pipe.flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "pipe.flac").write_bytes(content)
    (song,) = Folder(tmp_path).songs()
    assert song.duration_s == 8.0


def test_hidden_files_are_ignored(tmp_path, write_song):
    """macOS writes a file `._song.wav` for every file on other file systems."""
    write_song(tmp_path / "song.wav")
    write_song(tmp_path / ".Trash" / "old.wav")
    (tmp_path / "._song.wav").write_text("no sound")
    folder = Folder(tmp_path)
    assert [song.id for song in folder.songs()] == ["song"]
    assert not folder.skipped


def test_folders_without_permission_are_skipped(open_folder, write_song, unprivileged):
    write_song(open_folder / "rock" / "song.wav")
    write_song(open_folder / "jazz" / "song.wav")
    (open_folder / "jazz").chmod(0)
    folder = Folder(open_folder)
    with unprivileged():
        assert [song.id for song in folder.songs()] == ["rock/song"]
    assert folder.skipped == [SkippedSong(str(open_folder / "jazz"), "Permission denied")]
    (open_folder / "rock").chmod(0)
    with unprivileged(), pytest.raises(ValueError, match=r"(jazz|rock): Permission denied"):
        folder.songs()


def test_errors_name_option_and_value(tmp_path, monkeypatch):
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    with pytest.raises(ValueError, match=rf"data\.root.*{ROOT_VARIABLE}"):
        Folder()
    with pytest.raises(ValueError, match=r"data\.root=/no/where"):
        Folder("/no/where")
    with pytest.raises(ValueError, match=rf"{tmp_path}.*data\.root"):
        Folder(tmp_path).songs()
    with pytest.raises(ValueError, match=r"data\.fold=1.*data\.fold=1/5"):
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
    assert len({(song.group, song.split) for song in songs}) == len({song.group for song in songs})


def test_same_file_name_of_two_artists_is_two_songs(tmp_path):
    for artist in ("first", "second"):
        file = tmp_path / "rock" / artist / "song.wav"
        file.parent.mkdir(parents=True)
        soundfile.write(file, np.zeros((8000, 2)), 8000)
    assert len({song.song for song in Folder(tmp_path).songs()}) == 2


def write_noise(path, seed, seconds=8.0, **tags):
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        for name, value in tags.items():
            setattr(file, name, value)
        file.write(noise(seconds=seconds, rate=8000, seed=seed).numpy())


def test_tags_give_artist_and_genre_if_folders_do_not(tmp_path):
    write_noise(tmp_path / "one.flac", 1, artist="someone", genre="folk", license="CC0")
    write_noise(tmp_path / "jazz" / "two.flac", 2, artist="someone", genre="folk")
    write_noise(tmp_path / "jazz" / "a trio" / "three.flac", 3, artist="someone")
    one, two, three = sorted(Folder(tmp_path).songs(), key=lambda song: song.title != "one")
    two, three = sorted((two, three), key=lambda song: song.title, reverse=True)
    assert (one.genre, one.artist, one.group, one.licence) == ("folk", *["someone"] * 2, "CC0")
    assert (two.genre, two.group) == ("jazz", "someone")
    assert (three.genre, three.group) == ("jazz", "a trio")


def test_each_song_is_in_one_test_fold(tmp_path):
    for n in range(10):
        write_noise(tmp_path / ("rock" if n < 5 else "jazz") / f"band {n}" / "song.wav", n, 0.5)
    tested = []
    for k in range(5):
        songs = Folder(tmp_path, fold=f"{k}/5").songs()
        tested += [song.id for song in songs if song.split == "test"]
        assert {song.genre for song in songs if song.split == "test"} == {"rock", "jazz"}
    assert len(tested) == len(set(tested)) == 10


def test_near_duplicates_are_in_one_split(tmp_path):
    for n in range(6):
        write_noise(tmp_path / f"{n}.wav", n)
    audio, rate = soundfile.read(tmp_path / "0.wav")
    for n in range(20):  # by their names alone they would be in different splits
        soundfile.write(tmp_path / f"copy {n}.flac", 0.3 * audio[900:], rate)
    songs = {song.id: song.split for song in Folder(tmp_path, near_duplicates=True).songs()}
    assert {split for name, split in songs.items() if name.startswith("copy")} == {songs["0"]}


@pytest.mark.parametrize("leaks", ["refuse", "allow"])
def test_near_duplicates_in_two_splits_are_refused_or_listed(tmp_path, leaks):
    for n in range(4):
        write_noise(tmp_path / f"{n}.wav", n)
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
        with pytest.raises(ValueError, match=re.escape(f"manifest.csv: {leak}")):
            folder.songs()
