"""`ai-mixer master --album` and `--delivery`."""

import pytest
import soundfile

from ai_mixer.audio import AudioFile
from ai_mixer.mixing.measurements import measure
from helpers.signals import noise

RATE = 44_100


@pytest.fixture
def songs(tmp_path):
    paths = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for seed, (path, level) in enumerate(zip(paths, (0.02, 0.05), strict=True)):
        soundfile.write(path, noise(2, seconds=2.0, seed=seed, level=level).T.numpy(), RATE)
    return paths


def loudness(path):
    song = AudioFile(path)
    return measure(song.blocks(), RATE).loudness_lufs


def test_an_album_keeps_its_levels_and_has_one_page(ai_mixer, songs, tmp_path):
    out = tmp_path / "out"
    done = ai_mixer("master", *songs, "-o", out, "--album", "keep", "--target", "-18")
    assert done.code == 0, done.err
    after = [loudness(out / f"{song.stem}_mastered.wav") for song in songs]
    assert after[1] == pytest.approx(-18.0, abs=0.1)
    assert after[1] - after[0] == pytest.approx(loudness(songs[1]) - loudness(songs[0]), abs=0.1)
    page = (out / "album.html").read_text(encoding="utf-8")
    assert "one_mastered.wav" in page
    assert 'href="two_mastered.html"' in page
    again = ai_mixer("master", *songs, "-o", out, "--album", "keep")
    assert again.code == 1
    assert "--force" in again.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--album", "loud"], "keep, even"),
        (["--album", "keep", "-o", "x.wav"], "-o must be a folder"),
        (["--album", "keep", "--target", "streaming"], "--target in LUFS"),
    ],
)
def test_an_album_with_other_options_is_refused(ai_mixer, songs, arguments, text):
    done = ai_mixer("master", *songs, *arguments)
    assert done.code == 1
    assert text in done.err


def test_an_album_needs_several_songs(ai_mixer, songs):
    done = ai_mixer("master", songs[0], "--album", "keep")
    assert done.code == 1
    assert "needs several files" in done.err
