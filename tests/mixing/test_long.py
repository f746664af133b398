"""Three hours take no more memory than a quarter of one, and give every sample back."""

import os
import subprocess
import sys

import pytest

from ai_mixer.audio import AudioFile, write_audio

RATE = 44_100
MOST_MIB = 700
CODE = """
import resource, sys, torch
torch.set_num_threads(1)
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.preset import one
settings = {"low_eq": 2.0, "compressor_ratio": 2.0, "stereo_width": 1.1}
AudioMixer().mix_file(sys.argv[1], sys.argv[2], preset=one(settings, target=-12.0))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""

COMMAND = """
import resource, sys
from ai_mixer.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def song_of(path, minutes, music):
    """The small song again and again."""
    loop = music.repeat(1, 10)
    count = minutes * 2
    write_audio(
        path, (loop for _ in range(count)), RATE, 2, count * loop.shape[1], source_subtype="PCM_16"
    )


def peak_mib(folder, minutes, music):
    song, mix = folder / f"{minutes}.wav", folder / f"{minutes}_mixed.wav"
    song_of(song, minutes, music)
    command = [sys.executable, "-c", CODE, str(song), str(mix)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert AudioFile(mix).frames == AudioFile(song).frames == minutes * 60 * RATE
    song.unlink()
    mix.unlink()
    return int(done.stdout)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_song(tmp_path, music, capsys):
    """AI_MIXER_MINUTES=180 makes the long one three hours (4 GB of disk, some ten minutes)."""
    minutes = int(os.environ.get("AI_MIXER_MINUTES", "45"))
    short, long = (peak_mib(tmp_path, length, music) for length in (15, minutes))
    with capsys.disabled():
        print(f"\n15 min: {short} MiB, {minutes} min: {long} MiB")
    assert long <= short + 0.25 * minutes + 40  # a millisecond is two numbers in the sketch
    assert max(short, long) <= MOST_MIB


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("mix", "song.wav"),
        ("mix", "song.wav", "-o", "mix.mp3"),
        ("mix", "song.wav", "--reference", "finished.wav"),
        ("compare", "song.wav"),
        ("enhance", "song.wav"),
        ("match", "song.wav", "finished.wav"),
        ("analyse", "song.wav"),
    ],
    ids=" ".join,
)
def test_four_minutes_fit_in_little_memory(tmp_path, music, words):
    """Once compiled: the first run after installing takes some 900 MiB."""
    for name, level in (("song", 0.5), ("finished", 0.7)):
        song_of(tmp_path / f"{name}.wav", 4, level * music)
    command = [sys.executable, "-c", COMMAND, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) <= MOST_MIB
