"""Detect whether the process of a run is alive."""

import os
import socket
import subprocess
import sys

import psutil
import pytest

from ai_mixer.tracking.process_info import HOST, PID, STARTED, is_process_alive, process_tags


def test_this_process_is_alive() -> None:
    tags = process_tags()
    assert tags[PID] == str(os.getpid())
    assert tags[HOST] == socket.gethostname()
    assert is_process_alive(tags)


@pytest.mark.parametrize(
    "other",
    [{}, {HOST: "another machine"}, {PID: "999999999"}, {STARTED: "12.00"}],
    ids=["untagged", "host", "dead", "another process with that id"],
)
def test_unknown_remote_and_dead_processes_are_not_alive(other: dict[str, str]) -> None:
    assert not is_process_alive({**process_tags(), **other} if other else {})


def test_a_zombie_process_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = str(psutil.Process(process.pid).create_time())
        tags = {HOST: socket.gethostname(), PID: str(process.pid), STARTED: started}
        assert is_process_alive(tags)
        process.kill()
        os.waitid(
            os.P_PID, process.pid, os.WEXITED | os.WNOWAIT
        )  # dead, but still in the process table
        assert not is_process_alive(tags)
