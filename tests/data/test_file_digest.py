"""song_digest depends on the content of a song's files, not on their path."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from ai_mixer.core.types import Song
from ai_mixer.data.file_digest import BLOCK_BYTES, song_digest, song_digests
from helpers.signals import noise

RATE = 44100


def audio(seconds=1.0, seed=0):
    """Noise [T, 2]."""
    return noise(2, seconds=seconds, seed=seed).T.numpy()


def song(path, **fields):
    return Song("id", Path(path), "song", "group", "train", 1.0, RATE, 2, **fields)


def write(path, samples):
    soundfile.write(path, samples, RATE)
    return path


@pytest.fixture(params=["wav", "flac"])
def path(request, tmp_path):
    return write(tmp_path / f"song.{request.param}", audio())


def test_copies_have_the_same_digest(path, tmp_path):
    before = song_digest(song(path))
    copy = tmp_path / "other" / f"name{path.suffix}"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    os.utime(copy, (1, 1))
    assert song_digest(song(copy)) == before
    assert song_digest(replace(song(copy), split="test", group="x")) == before


@pytest.mark.parametrize(
    "changed",
    [audio(seed=1), 0.9 * audio(), audio(1.1), audio()[:, ::-1]],
    ids=["recording", "level", "length", "channels"],
)
def test_other_audio_has_another_digest(path, changed):
    before = song_digest(song(path))
    write(path, changed)
    assert song_digest(song(path)) != before


def test_one_sample_of_a_flac_file_changes_the_digest(tmp_path):
    samples = audio(10.0).copy()
    path = write(tmp_path / "song.flac", samples)
    before = song_digest(song(path))
    samples[RATE * 3, 0] += 0.01
    write(path, samples)
    assert song_digest(song(path)) != before


@pytest.mark.parametrize("position", [0, 0.5, 1])
@pytest.mark.parametrize(
    "size", [1, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES, 100 * BLOCK_BYTES + 1]
)
def test_digest_depends_on_start_middle_and_end(tmp_path, position, size):
    path = tmp_path / "file"
    data = bytearray(size)
    path.write_bytes(data)
    before = song_digest(song(path))
    data[round(position * (size - 1))] = 1
    path.write_bytes(data)
    assert song_digest(song(path)) != before


def test_digest_depends_on_dry_version_and_stems(tmp_path, path):
    other = write(tmp_path / "other.wav", audio(seed=2))
    digests = [
        song_digest(song(path)),
        song_digest(song(path, dry_path=other)),
        song_digest(song(path, stems={"drums": other})),
        song_digest(song(path, stems={"bass": other})),
        song_digest(song(other, dry_path=path)),
    ]
    assert len(set(digests)) == len(digests)


def test_digest_reads_only_a_few_blocks(tmp_path):
    """A file larger than the memory takes as long as a small one."""
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(10**12)  # a sparse file
    assert len(song_digest(song(path))) == 16


def test_digests_are_in_the_order_of_the_songs(tmp_path):
    songs = []
    for number in range(200):
        path = tmp_path / f"{number}"
        path.write_bytes(bytes([number]))
        songs.append(song(path))
    assert song_digests(songs) == [song_digest(one) for one in songs]
    assert len(set(song_digests(songs))) == 200
    assert song_digests([]) == []


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(OSError, match=r"gone\.wav"):
        song_digests([song(tmp_path / "gone.wav")])
