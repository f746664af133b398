"""Files that cannot be read whole: a warning in output and report, an error with --strict."""

import json

import pytest
import soundfile

from helpers.datasets import small_song
from helpers.parameters import first_fast

RATE = 44_100
WARNING = "cut.wav breaks off after 1.5 of 3.0 s"


@pytest.fixture
def cut(tmp_path):
    """A file of 3 s, of which the second half is missing."""
    path = tmp_path / "cut.wav"
    soundfile.write(path, small_song(0, 3.0), RATE, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[: 44 + 2 * 2 * RATE * 3 // 2])
    return path


def test_mix_warns_and_mixes_what_can_be_read(ai_mixer, cut):
    done = ai_mixer("mix", cut)
    assert done.code == 0
    assert f"warning: {WARNING}" in done.out
    assert soundfile.info(cut.with_name("cut_mixed.wav")).duration == 1.5
    assert WARNING in cut.with_name("cut_mixed.html").read_text()


@pytest.mark.parametrize("command", ["mix", "master", "enhance", "compare", "analyse"])
def test_strict_makes_it_an_error_before_anything_is_written(ai_mixer, cut, command):
    done = ai_mixer(command, cut, "--strict")
    assert done.code == 1
    assert "cut.wav: breaks off after 1.5 of 3.0 s: without --strict" in done.err
    assert [file.name for file in cut.parent.iterdir()] == ["cut.wav"]


@pytest.mark.slow
@pytest.mark.parametrize("command", first_fast(["match", "mix"]))
def test_the_other_file_counts_too(ai_mixer, song, cut, command):
    arguments = ("mix", song, "--reference", cut) if command == "mix" else ("match", song, cut)
    done = ai_mixer(*arguments)
    assert done.code == 0
    assert f"warning: {WARNING}" in done.out
    assert ai_mixer(*arguments, "--force", "--strict").code == 1


def test_analyse_warns(ai_mixer, cut):
    assert f"warning: {WARNING}" in ai_mixer("analyse", cut).out
    (line,) = ai_mixer("analyse", cut, "--json").out.splitlines()
    assert json.loads(line)["warnings"] == [WARNING]


@pytest.mark.slow
def test_compare_warns(ai_mixer, cut, log):
    assert ai_mixer("compare", cut, "--model", "ast_regressor").code == 0
    assert WARNING in log.text


def test_strict_accepts_a_whole_file(ai_mixer, song):
    assert ai_mixer("mix", song, "--strict").code == 0


def test_an_mp3_without_a_xing_header_is_mixed_whole(ai_mixer, tmp_path):
    """libsndfile reads a part of it."""
    soundfile.write(tmp_path / "a.mp3", small_song(0, 3.0), RATE, bitrate_mode="VARIABLE")
    content = (tmp_path / "a.mp3").read_bytes()
    start = content.index(b"Xing")
    frame = content.index(content[:2], 100)  # the second frame: the first one is the header
    assert 0 < start < frame
    (tmp_path / "b.mp3").write_bytes(content[frame:])
    done = ai_mixer("mix", tmp_path / "b.mp3", "-o", tmp_path / "b.wav")
    assert done.code == 0
    assert "warning" not in done.out
    assert soundfile.info(tmp_path / "b.wav").duration == pytest.approx(3.0, abs=0.1)
