"""SIGINT, SIGTERM and SIGHUP remove the drafts of all songs and set the exit code."""

import os
import signal
import time

import pytest
import torch

from ai_mixer.mixing import render

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.mark.parametrize("songs", [1, 2])
@pytest.mark.parametrize("number", CODES)
def test_a_signal_removes_the_drafts(ai_mixer, song, monkeypatch, number, songs):
    files = [song, song.with_name("b.wav")][:songs]
    files[-1].write_bytes(song.read_bytes())

    def write_half(path, blocks, *_, **__):
        path.write_bytes(b"half")
        time.sleep(0.2 * songs)  # so that both have a draft
        os.kill(os.getpid(), number)
        for _ in render.prefetch(range(1000)):  # a long song
            time.sleep(0.01)

    monkeypatch.setattr(render, "write_audio", write_half)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal
    threads = torch.get_num_threads()
    torch.set_num_threads(songs)
    try:
        done = ai_mixer("enhance", *files)
        assert torch.get_num_threads() == songs
    finally:
        torch.set_num_threads(threads)
        signal.signal(signal.SIGINT, before)
    assert done.code == CODES[number]
    assert done.err.splitlines()[-1].startswith(f"stopped by {number.name}: ")
    assert {path.name for path in song.parent.iterdir()} == {file.name for file in files}
