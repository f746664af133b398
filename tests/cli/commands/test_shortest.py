"""All commands on the shortest supported song, 0.2 s; shorter songs are an error."""

import numpy as np
import pytest
import soundfile

from ai_mixer.audio import AudioFile


def write(path, rate, channels, length):
    noise = np.random.default_rng(0).standard_normal((length, channels))
    soundfile.write(path, 0.1 * noise, rate, subtype="PCM_16")


@pytest.mark.parametrize(
    ("rate", "channels"),
    [
        (8_000, 1),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in [(44_100, 2), (192_000, 1)]),
    ],
)
def test_every_command_accepts_0_2_s(ai_mixer, tmp_path, rate, channels):
    song, length = tmp_path / "song.wav", rate // 5
    write(song, rate, channels, length)
    for arguments, result in {
        ("mix", song): "song_mixed.wav",
        ("mix", song, "--adaptive", "--reference", song, "-o", tmp_path / "a.flac"): "a.flac",
        ("enhance", song): "song_enhanced.wav",
        ("master", song, "--reference", song): "song_mastered.wav",
        ("match", song, song): "song_matched.wav",
        ("compare", song): "song_compared/song_baseline_cnn_mixed.wav",
    }.items():
        done = ai_mixer(*arguments)
        assert done.code == 0, done.err
        mix = AudioFile(tmp_path / result)
        assert (mix.sample_rate, mix.channels, mix.frames) == (rate, channels, length)
    assert ai_mixer("analyse", song).code == 0


@pytest.mark.parametrize("rate", [8_000, 192_000])
@pytest.mark.parametrize("command", ["mix", "master", "enhance", "analyse", "match", "compare"])
def test_shorter_song_is_an_error_in_one_line(ai_mixer, tmp_path, command, rate):
    song = tmp_path / "song.wav"
    write(song, rate, 2, rate // 5 - 1)
    done = ai_mixer(command, song, *([song] if command == "match" else []))
    assert done.code == 1
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert "song.wav" in line
    assert "0.2 s" in line
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]
