"""A song's fingerprint follows what is heard, not where it lies."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ai_mixer.core.types import Song
from ai_mixer.data.file_digest import BLOCK_BYTES, song_digest, song_digests

RATE = 44100


def sound(seconds=1.0, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal((round(RATE * seconds), 2))


def song(path, **more):
    return Song("id", Path(path), "song", "group", "train", 1.0, RATE, 2, **more)


def written(path, audio, **more):
    path.parent.mkdir(exist_ok=True, parents=True)
    soundfile.write(path, audio, RATE, **more)
    return path


@pytest.fixture(params=["wav", "flac"])
def path(request, tmp_path):
    return written(tmp_path / f"song.{request.param}", sound())


def test_a_copy_elsewhere_is_the_same(path, tmp_path):
    before = song_digest(song(path))
    copy = tmp_path / "other" / f"name{path.suffix}"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    os.utime(copy, (1, 1))
    assert song_digest(song(copy)) == before
    assert song_digest(replace(song(copy), split="test", group="x")) == before  # said elsewhere


@pytest.mark.parametrize(
    "changed",
    [sound(seed=1), 0.9 * sound(), sound(1.1), sound()[:, ::-1]],
    ids=["another recording", "its level", "its length", "its sides"],
)
def test_other_audio_is_another(path, changed):
    before = song_digest(song(path))
    written(path, changed)
    assert song_digest(song(path)) != before


def test_one_sample_of_a_flac_file_is_enough(tmp_path):
    audio = sound(10.0)
    path = written(tmp_path / "song.flac", audio)
    before = song_digest(song(path))
    audio[RATE * 3, 0] += 0.01
    written(path, audio)
    assert song_digest(song(path)) != before


@pytest.mark.parametrize("place", [0, 0.5, 1])
@pytest.mark.parametrize(
    "size", [1, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES, 100 * BLOCK_BYTES + 1]
)
def test_start_middle_and_end_are_read(tmp_path, place, size):
    path = tmp_path / "file"
    data = bytearray(size)
    path.write_bytes(data)
    before = song_digest(song(path))
    data[round(place * (size - 1))] = 1
    path.write_bytes(data)
    assert song_digest(song(path)) != before


def test_dry_and_stems_count(tmp_path, path):
    other = written(tmp_path / "other.wav", sound(seed=2))
    prints = [
        song_digest(song(path)),
        song_digest(song(path, dry_path=other)),
        song_digest(song(path, stems={"drums": other})),
        song_digest(song(path, stems={"bass": other})),
        song_digest(song(other, dry_path=path)),
    ]
    assert len(set(prints)) == len(prints)


def test_only_a_few_blocks_are_read(tmp_path):
    """A file larger than the memory costs as much as a small one."""
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(10**12)  # a hole: takes no room on disk
    assert len(song_digest(song(path))) == 16


def test_many_songs_keep_their_order(tmp_path):
    songs = []
    for number in range(200):
        path = tmp_path / f"{number}"
        path.write_bytes(bytes([number]))
        songs.append(song(path))
    assert song_digests(songs) == [song_digest(one) for one in songs]
    assert len(set(song_digests(songs))) == 200
    assert song_digests([]) == []


def test_a_file_that_went_away_is_named(tmp_path):
    with pytest.raises(OSError, match=r"gone\.wav"):
        song_digests([song(tmp_path / "gone.wav")])
