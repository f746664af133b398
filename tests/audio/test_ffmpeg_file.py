"""Tests of streams decoded by FFmpeg: excerpts, seeking, errors, the streams of .mp4 stems."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import probe, read_excerpt
from ai_mixer.audio.ffmpeg_file import FFmpegFile
from ai_mixer.audio.stream_path import container_path, stream_path

RATE = 44100


@pytest.fixture(scope="module")
def stems(synthetic_dataset):
    return sorted((synthetic_dataset("musdb18") / "train").glob("*.mp4"))[0]


def test_probe_reads_the_header_of_a_stream(stems):
    header = probe(stems)
    assert header == probe(stream_path(stems, 4))
    assert header[1:] == (RATE, 2)
    assert 3.0 <= header.duration_s < 3.0 + 2 * 1024 / RATE  # AAC pads to frames of 1024 samples


@pytest.mark.parametrize("stream", [0, 1, 4])
@pytest.mark.parametrize("first", [0, 1, 1023, 44_100, 100_001])
def test_an_excerpt_equals_the_region_of_the_whole_stream(stems, stream, first):
    """Bit for bit: the lead-in is long enough for a correct first sample."""
    path = stream_path(stems, stream)
    whole = read_excerpt(path, 0.0, 3.0, RATE)
    part = read_excerpt(path, first / RATE, 0.5, RATE)
    assert part.equal(whole[:, first : first + part.shape[-1]])


def test_each_stream_is_nearest_to_its_own_stem(stems, synthetic_dataset):
    """The synthetic MUSDB18-HQ has the same songs uncompressed."""
    folder = synthetic_dataset("musdb18hq") / "train" / stems.name.removesuffix(".stem.mp4")
    names = ("mixture", "drums", "bass", "other", "vocals")
    true = torch.stack([read_excerpt(folder / f"{name}.wav", 0.5, 1.0, RATE) for name in names])
    for number in range(len(names)):
        stem = read_excerpt(stream_path(stems, number), 0.5, 1.0, RATE)
        error_db = 10 * ((stem - true).square().mean((1, 2)) / true.square().mean()).log10()
        assert error_db.argmin() == number
        assert error_db.min() < -10


def test_excerpts_are_silent_after_the_end_and_resampled(stems):
    assert read_excerpt(stems, 2.9, 1.0, RATE)[:, -RATE // 2 :].abs().max() == 0
    assert read_excerpt(stems, 1.0, 0.5, 22_050).shape == (2, 11_025)


def test_consecutive_reads_equal_one_read(stems):
    with FFmpegFile(stems) as file:
        parts = np.concatenate([file.read_at(5000, 3000), file.read_next(3000)])
        again = file.read_at(5000, 6000)  # backwards
    np.testing.assert_array_equal(again, parts)


def test_an_unknown_stream_is_an_error(stems):
    with pytest.raises(SongError, match=r"mp4#5: .*5 audio streams"):
        probe(stream_path(stems, 5))


def test_invalid_and_missing_files_are_errors(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "bad.stem.mp4").write_text("no audio")
    with pytest.raises(SongError, match=r"bad\.stem\.mp4: .*Invalid data"):
        probe(tmp_path / "bad.stem.mp4")
    with pytest.raises(SongError, match=r"gone\.stem\.mp4#2: .*no such file"):
        probe(tmp_path / "gone.stem.mp4#2")


def test_a_damaged_file_is_an_error(stems, tmp_path):
    """A quarter of the packets is zero."""
    damaged = tmp_path / "damaged.stem.mp4"
    whole = bytearray(stems.read_bytes())
    whole[len(whole) // 4 : len(whole) // 2] = bytes(len(whole) // 2 - len(whole) // 4)
    damaged.write_bytes(whole)
    with pytest.raises(SongError, match=r"damaged\.stem\.mp4"):
        read_excerpt(damaged, 0.0, 3.0, RATE)


def test_without_pyav_the_error_names_the_package(stems, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"PyAV: .*pip install av") as caught:
        probe(stems)
    assert not isinstance(caught.value, SongError)  # the song is not the cause


def test_container_path_removes_the_stream_number():
    assert container_path(Path("a/b.stem.mp4#3")) == Path("a/b.stem.mp4")
    assert container_path(Path("a/b #3.wav")) == Path("a/b #3.wav")
