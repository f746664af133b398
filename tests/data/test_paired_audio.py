"""Pairs of rough and finished versions: found, aligned, or skipped."""

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, resample_poly, sosfilt

from ai_mixer.data.dataset import SongDataset
from ai_mixer.data.folder import Folder
from ai_mixer.data.manifest import read_manifest
from ai_mixer.data.paired_audio import estimate_lag_s
from ai_mixer.data.paired_folder import PairedFolder

RATE = 22050


def music(seed, seconds=6.0):
    noise = np.random.default_rng(seed).standard_normal((round(seconds * RATE), 2))
    return 0.1 * sosfilt(butter(1, 4000, fs=RATE, output="sos"), noise, axis=0)


def mixed(audio):
    return 0.5 * audio + sosfilt(butter(1, 300, fs=RATE, output="sos"), audio, axis=0)


def write(path, audio, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate, subtype="FLOAT" if path.suffix == ".wav" else None)


@pytest.fixture
def root(tmp_path):
    for n in range(3):
        write(tmp_path / "pairs" / f"song{n}" / "before.wav", music(n))
        write(tmp_path / "pairs" / f"song{n}" / "after.flac", mixed(music(n)))
    write(tmp_path / "pairs" / "before" / "rock" / "band" / "other.wav", music(3))
    write(tmp_path / "pairs" / "after" / "rock" / "band" / "other.wav", mixed(music(3)))
    return tmp_path


def test_both_layouts_of_pairs_are_found(root):
    folder = Folder(root)
    songs = {song.id: song for song in folder.songs()}
    assert set(songs) == {"pairs/song0", "pairs/song1", "pairs/song2", "pairs/rock/band/other"}
    assert not folder.skipped
    song = songs["pairs/song1"]
    assert (song.path.name, song.rough_path.name, song.title) == (
        "after.flac",
        "before.wav",
        "song1",
    )
    assert song.rough_lag_s == 0.0
    other = songs["pairs/rock/band/other"]
    assert (other.genre, other.artist, other.group) == ("rock", "band", "band")


@pytest.mark.parametrize("shift_s", [-0.9, -0.013, 0.25, 0.9])
def test_lag_is_estimated(shift_s):
    audio = music(0).mean(axis=1)
    shifted = np.roll(audio, round(shift_s * RATE))
    assert estimate_lag_s(shifted, mixed(audio), RATE) == pytest.approx(shift_s, abs=1e-4)


def test_lag_of_unrelated_audio_is_nan():
    assert np.isnan(estimate_lag_s(music(0).mean(axis=1), music(1).mean(axis=1), RATE))
    assert np.isnan(estimate_lag_s(np.zeros(RATE), music(1).mean(axis=1)[:RATE], RATE))


def test_rough_and_finished_are_aligned(tmp_path, show_task):
    """The rough has another sample rate and starts a third of a second later."""
    audio = music(0)
    late = np.concatenate([np.zeros((RATE // 3, 2)), audio])
    write(tmp_path / "pairs" / "song" / "before.wav", resample_poly(late, 320, 147), 48000)
    write(tmp_path / "pairs" / "song" / "after.wav", audio)
    songs = Folder(tmp_path).songs()
    example = SongDataset(songs, show_task, sample_rate=RATE, excerpt_s=1.0)[0, 0]
    error = (example.rough - example.finished)[:, 100:-100].square().mean()
    assert error < 1e-2 * example.finished.square().mean()


def test_pairs_that_do_not_match_are_skipped(root):
    write(root / "pairs" / "long" / "before.wav", music(4, 8.0))
    write(root / "pairs" / "long" / "after.wav", music(4))
    write(root / "pairs" / "wrong" / "before.wav", music(5))
    write(root / "pairs" / "wrong" / "after.wav", music(6))
    write(root / "pairs" / "alone" / "after.wav", music(7))
    write(root / "pairs" / "alone" / "third.wav", music(7))
    folder = Folder(root)
    assert len(folder.songs()) == 4
    reasons = {"/".join(s.file.split("/")[-2:]): s.reason for s in folder.skipped}
    assert set(reasons) == {
        "long/after.wav",
        "wrong/after.wav",
        "alone/after.wav",
        "alone/third.wav",
    }
    assert "6.0 s, before.wav 8.0 s" in reasons["long/after.wav"]
    assert "before.wav" in reasons["wrong/after.wav"]


def test_reference_of_the_same_name_is_used(root, show_task):
    write(root / "references" / "song1.wav", music(10))
    write(root / "references" / "jazz" / "x" / "y.wav", music(11))
    songs = {song.id: song for song in Folder(root).songs()}
    assert songs["pairs/song1"].reference.id == "references/song1"
    assert songs["pairs/song1"].split == songs["references/song1"].split
    assert songs["pairs/song0"].reference is None
    assert songs["references/jazz/x/y"].genre == "jazz"
    assert songs["references/jazz/x/y"].rough_path is None
    settings = {"sample_rate": RATE, "excerpt_s": 2.0}
    example = SongDataset([songs["pairs/song1"]], show_task, **settings)[0, 0]
    reference, song = example.reference.numpy().T, music(10)
    assert np.isnan(estimate_lag_s(example.finished.mean(0).numpy(), reference.mean(1), RATE))
    start = np.correlate(song.mean(1), reference.mean(1)).argmax()
    np.testing.assert_allclose(song[start : start + len(reference)], reference, atol=1e-3)


def test_reference_next_to_a_pair_is_used(root, show_task):
    write(root / "pairs" / "song1" / "reference.wav", music(12, 3.0))
    write(root / "pairs" / "reference" / "rock" / "band" / "other.wav", music(13))
    write(root / "references" / "song1.wav", music(10))  # has lower priority
    folder = Folder(root)
    songs = {song.id: song for song in folder.songs()}
    assert not folder.skipped
    used = songs["pairs/song1"].reference
    assert (used.path.parent.name, used.duration_s, used.rough_path) == ("song1", 3.0, None)
    assert songs["pairs/rock/band/other"].reference.path.parent.parent.parent.name == "reference"
    example = SongDataset([songs["pairs/song1"]], show_task, sample_rate=RATE, excerpt_s=3.0)[0, 0]
    np.testing.assert_allclose(example.reference.numpy().T, music(12, 3.0), atol=1e-6)


def test_all_pairs_are_in_the_test_split(root):
    write(root / "rock" / "x" / "whole song.wav", music(20))
    songs = PairedFolder(root).songs()
    assert {song.id for song in songs} == {f"pairs/song{n}" for n in range(3)} | {
        "pairs/rock/band/other"
    }
    assert {song.split for song in songs} == {"test"}


def test_folder_without_pairs_is_an_error(tmp_path):
    write(tmp_path / "rock" / "song.wav", music(0))
    with pytest.raises(ValueError, match=rf"{tmp_path}: no pair.*pairs/"):
        PairedFolder(tmp_path).songs()
    write(tmp_path / "pairs" / "alone" / "after.wav", music(1))
    with pytest.raises(ValueError, match=r"no pair.*alone/after\.wav"):
        PairedFolder(tmp_path).songs()


def table(root, *lines):
    (root / "manifest.csv").write_text("file,rough,reference,split\n" + "\n".join(lines) + "\n")
    return root / "manifest.csv"


def test_roughs_and_references_of_a_manifest_are_used(root):
    late = np.concatenate([np.zeros((RATE // 4, 2)), music(0)])
    write(root / "pairs" / "song0" / "before.wav", late)
    write(root / "pairs" / "song0" / "reference.wav", music(12, 3.0))
    first, second = "pairs/song0/{}.{}", "pairs/song1/{}.{}"
    path = table(
        root,
        ",".join([first.format("after", "flac"), first.format("before", "wav")])
        + f",{first.format('reference', 'wav')},train",
        f"{second.format('after', 'flac')},{second.format('before', 'wav')},,",
    )
    one, two = read_manifest(path).songs
    assert one.rough_lag_s == pytest.approx(0.25, abs=1e-3)
    assert one.reference.path == root / "pairs" / "song0" / "reference.wav"
    assert (one.reference.duration_s, one.reference.group) == (3.0, one.group)
    assert (two.rough_lag_s, two.reference) == (0.0, None)
    assert [song.split for song in PairedFolder(root).songs()] == ["train", "test"]


def test_unusable_pairs_of_a_manifest_are_skipped(root):
    (root / "broken.wav").write_text("no sound")
    path = table(
        root,
        "pairs/song0/after.flac,pairs/song1/before.wav,,",
        "pairs/song1/after.flac,broken.wav,,",
        "pairs/song2/after.flac,pairs/song2/before.wav,broken.wav,",
        "pairs/after/rock/band/other.wav,pairs/before/rock/band/other.wav,gone.wav,",
        "pairs/song2/before.wav,,,",
    )
    songs, skipped = read_manifest(path)
    assert [song.id for song in songs] == ["pairs/song2/before"]
    reasons = {"/".join(song.file.split("/")[-2:]): song.reason for song in skipped}
    assert "before.wav" in reasons["song0/after.flac"]
    assert f"{root.name}/broken.wav" in reasons
    assert "gone.wav" in reasons["band/other.wav"]
    assert len(skipped) == 3


def test_song_and_reference_of_a_manifest_are_in_one_split(root):
    first, second = "pairs/song0/after.flac", "pairs/song1/after.flac"
    path = table(root, f"{first},,{second},train", f"{second},,,test")
    with pytest.raises(ValueError, match="song and its reference"):
        read_manifest(path)
    one, two = read_manifest(table(root, f"{first},,{second},val", f"{second},,,")).songs
    assert (one.split, two.split) == ("val", "val")
    assert one.reference.path == two.path
