"""Ctrl-C at any moment of a command: it ends within two seconds, and nothing unfinished remains.

The moments are those of a fresh process: imports, compilation (an empty cache of compiled kernels),
reading, prediction or fitting, rendering.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.datasets import small_song

RATE = 44_100
SECONDS = 60
MAX_EXIT_S = 2.0
COMMANDS = {
    "mix": ["mix", "song.wav"],
    "mix reference": ["mix", "song.wav", "--reference", "other.wav", "-o", "song.mp3"],
    "master": ["master", "song.wav", "--delivery"],
    "album": ["master", "song.wav", "other.wav", "--album", "keep", "-o", "album"],
    "enhance": ["enhance", "song.wav"],
    "match": ["match", "song.wav", "other.wav"],
}
WARM_S = (0.0, 0.2, 0.5, 0.9, 1.5, 2.2, 3.5, 6.0)
COLD_S = (2.0, 4.0, 7.0, 11.0, 16.0)
CLOSING = "stopped by SIGINT: finished results are kept, unfinished ones were removed"


@pytest.fixture(autouse=True)
def from_a_terminal():
    """A background job ignores SIGINT, and so would its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """A folder with two songs of a minute, the second one a louder version of the first."""
    folder = tmp_path_factory.mktemp("songs")
    song = np.concatenate([small_song(n) for n in range(3)] * (SECONDS // 9 + 1))
    song = song[: SECONDS * RATE]
    for name, audio in (("song", 0.5 * song), ("other", np.tanh(1.5 * song))):
        soundfile.write(folder / f"{name}.wav", audio, RATE)
    return folder


def handles_signals(process):
    """Whether a process has handlers for SIGHUP, which Python does not have by itself."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
    return bool(caught >> (signal.SIGHUP - 1) & 1)


def interrupted(folder, arguments, after_s, cache):
    """Run a command and interrupt it, some time after its `main` has started.

    Returns (seconds until its end, exit code, stderr); None if it ended before.
    """
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)} if cache else None
    process = subprocess.Popen(
        [sys.executable, "-m", "ai_mixer.cli", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not handles_signals(process):
        time.sleep(0.002)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        return time.monotonic() - started, process.returncode, errors
    return None


def remaining(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def check_finished(folder, names):
    """Files are no drafts, and audio is as long as the songs."""
    assert not [name for name in names if Path(name).name.startswith(".")]
    for name in names:
        if Path(name).suffix in {".wav", ".mp3"}:
            assert abs(soundfile.info(folder / name).duration - SECONDS) < 0.1, name


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "not compiled"])
def test_an_interrupt_ends_a_command_at_once(songs, tmp_path, command, compiled):
    for name in remaining(songs) - {"song.wav", "other.wav"}:  # results of another case
        (songs / name).unlink()
    before = remaining(songs)
    for number, after_s in enumerate(WARM_S if compiled else COLD_S):
        cache = None if compiled else tmp_path / str(number)
        end = interrupted(songs, COMMANDS[command], after_s, cache)
        if end is None:
            assert number >= 3, "the command is too short for this test"
            break
        seconds, code, errors = end
        where = f"{command} after {after_s} s: {seconds:.1f} s, {code}, {errors[-1500:]}"
        assert seconds <= MAX_EXIT_S, where
        assert "Traceback" not in errors, where
        assert code == 130, where
        assert errors.splitlines()[-1] == CLOSING, where
        if new := remaining(songs) - before:  # finished results are kept, and end the test
            check_finished(songs, new)
            break
