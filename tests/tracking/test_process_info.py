"""Is the process that writes a run still there?"""

import os
import socket
import subprocess
import sys

import psutil
import pytest

from ai_mixer.tracking.process_info import HOST, PID, STARTED, is_process_alive, process_tags


def test_this_process_does() -> None:
    tags = process_tags()
    assert tags[PID] == str(os.getpid())
    assert tags[HOST] == socket.gethostname()
    assert is_process_alive(tags)


@pytest.mark.parametrize(
    "other",
    [{}, {HOST: "another machine"}, {PID: "999999999"}, {STARTED: "12.00"}],
    ids=["untagged", "host", "dead", "another process with that id"],
)
def test_others_do_not(other: dict[str, str]) -> None:
    assert not is_process_alive({**process_tags(), **other} if other else {})


def test_a_killed_process_that_nobody_has_missed_yet_does_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = str(psutil.Process(process.pid).create_time())
        tags = {HOST: socket.gethostname(), PID: str(process.pid), STARTED: started}
        assert is_process_alive(tags)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, not yet waited for
        assert not is_process_alive(tags)
