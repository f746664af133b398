"""A stream out of an .mp4: the same samples wherever one starts, and errors that name the file."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ai_mixer.audio.excerpt import SongError, probe, read_excerpt
from ai_mixer.audio.stem_file import StemFile, container_path, stream_path

RATE = 44100


@pytest.fixture(scope="module")
def stems(look_alikes):
    return sorted((look_alikes("musdb18") / "train").glob("*.mp4"))[0]


def test_a_header(stems):
    assert probe(stems) == probe(stream_path(stems, 4)) == (3.0, RATE, 2)


@pytest.mark.parametrize("stream", [0, 1, 4])
@pytest.mark.parametrize("first", [0, 1, 1023, 44_100, 100_001])
def test_an_excerpt_is_that_region_of_the_whole(stems, stream, first):
    """Exactly: what is decoded before an excerpt is enough for its first sample to be true."""
    path = stream_path(stems, stream)
    whole = read_excerpt(path, 0.0, 3.0, RATE)
    part = read_excerpt(path, first / RATE, 0.5, RATE)
    assert part.equal(whole[:, first : first + part.shape[-1]])


def test_the_streams_are_what_was_written(stems, look_alikes):
    """The HQ look-alike has the same songs uncompressed: each stream is nearest to its own stem."""
    folder = look_alikes("musdb18hq") / "train" / stems.name.removesuffix(".stem.mp4")
    names = ("mixture", "drums", "bass", "other", "vocals")
    true = torch.stack([read_excerpt(folder / f"{name}.wav", 0.5, 1.0, RATE) for name in names])
    for number in range(len(names)):
        heard = read_excerpt(stream_path(stems, number), 0.5, 1.0, RATE)
        error_db = 10 * ((heard - true).square().mean((1, 2)) / true.square().mean()).log10()
        assert error_db.argmin() == number
        assert error_db.min() < -10


def test_silence_past_the_end_and_another_rate(stems):
    assert read_excerpt(stems, 2.9, 1.0, RATE)[:, -RATE // 2 :].abs().max() == 0
    assert read_excerpt(stems, 1.0, 0.5, 22_050).shape == (2, 11_025)


def test_reading_goes_on_where_it_was(stems):
    with StemFile(stems) as file:
        file.seek(5000)
        parts = np.concatenate([file.read(3000), file.read(3000)])
    with StemFile(stems) as file:
        file.seek(5000)
        np.testing.assert_array_equal(file.read(6000), parts)


def test_no_such_stream(stems):
    with pytest.raises(SongError, match=r"mp4#5: cannot be read as sound \(has 5 audio streams"):
        probe(stream_path(stems, 5))


def test_a_file_that_is_no_mp4_or_not_there(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "bad.stem.mp4").write_text("no sound")
    with pytest.raises(SongError, match=r"bad\.stem\.mp4: cannot be read as sound \(Invalid data"):
        probe(tmp_path / "bad.stem.mp4")
    with pytest.raises(SongError, match=r"gone\.stem\.mp4#2: cannot be read .*\(no such file\)"):
        probe(tmp_path / "gone.stem.mp4#2")


def test_a_torn_file_is_named(stems, tmp_path):
    """Its index says more than there is."""
    torn = tmp_path / "torn.stem.mp4"
    whole = bytearray(stems.read_bytes())
    whole[len(whole) // 4 : len(whole) // 2] = bytes(len(whole) // 2 - len(whole) // 4)
    torn.write_bytes(whole)
    with pytest.raises(SongError, match=r"torn\.stem\.mp4"):
        read_excerpt(torn, 0.0, 3.0, RATE)


def test_without_the_decoder_one_line_says_what_to_install(stems, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"needs PyAV: .*ai-mixer\[stems\]") as caught:
        probe(stems)
    assert not isinstance(caught.value, SongError)  # no fault of the song


def test_the_file_behind_a_stream():
    assert container_path(Path("a/b.stem.mp4#3")) == Path("a/b.stem.mp4")
    assert container_path(Path("a/b #3.wav")) == Path("a/b #3.wav")
