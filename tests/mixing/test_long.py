"""Memory does not grow with the length of a song, and no sample is lost."""

import os
import subprocess
import sys

import pytest

from ai_mixer.audio import AudioFile, write_audio

RATE = 44_100
MAX_MIB = 700
CODE = """
import resource, sys, torch
torch.set_num_threads(1)
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.preset import single_section_preset
settings = {"low_eq": 2.0, "compressor_ratio": 2.0, "stereo_width": 1.1}
preset = single_section_preset(settings, target_lufs=-12.0)
AudioMixer().mix_file(sys.argv[1], sys.argv[2], preset=preset)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""

COMMAND = """
import resource, sys
from ai_mixer.cli import main
try:
    main()
except SystemExit as error:
    assert not error.code
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def write_song(path, minutes, music):
    """Write the small song repeated to this length; of 0 minutes: its 3 s."""
    loop = music.repeat(1, 10 if minutes else 1)
    count = minutes * 2 or 1
    write_audio(
        path, (loop for _ in range(count)), RATE, 2, count * loop.shape[1], source_subtype="PCM_16"
    )


def peak_mib(folder, minutes, music):
    song, mix = folder / f"{minutes}.wav", folder / f"{minutes}_mixed.wav"
    write_song(song, minutes, music)
    command = [sys.executable, "-c", CODE, str(song), str(mix)]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert AudioFile(mix).frames == AudioFile(song).frames == minutes * 60 * RATE
    song.unlink()
    mix.unlink()
    return int(process.stdout)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_song(tmp_path, music, capsys):
    """AI_MIXER_MINUTES=180 tests three hours (4 GB of disk, some ten minutes)."""
    minutes = int(os.environ.get("AI_MIXER_MINUTES", "45"))
    short, long = (peak_mib(tmp_path, length, music) for length in (15, minutes))
    with capsys.disabled():
        print(f"\n15 min: {short} MiB, {minutes} min: {long} MiB")
    assert long <= short + 0.25 * minutes + 40  # the gain search stores two numbers per ms
    assert max(short, long) <= MAX_MIB


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
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
def test_four_minutes_need_at_most_700_mib(tmp_path, music, arguments):
    """With compiled kernels in the cache: a process that compiles them takes some 1100 MiB.

    The command runs on songs of some seconds first, which compiles the kernels that it needs.
    """
    command = [sys.executable, "-c", COMMAND, *arguments]
    for folder, minutes in (("first", 0), ("measured", 4)):
        (tmp_path / folder).mkdir()
        for name, level in (("song", 0.5), ("finished", 0.7)):
            write_song(tmp_path / folder / f"{name}.wav", minutes, level * music)
        process = subprocess.run(
            command, cwd=tmp_path / folder, capture_output=True, text=True, check=True
        )
    assert int(process.stdout.splitlines()[-1]) <= MAX_MIB
