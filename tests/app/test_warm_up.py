"""The engine is compiled in the background, and its progress reaches the page."""

import os
import subprocess
import sys
import threading
import time

import pytest

from ai_mixer.app.warm_up import WarmUp

EXPORTS = """
import sys
from pathlib import Path
from ai_mixer.app.warm_up import prepare
for _ in prepare(): pass
"""


def two_steps(pipe):
    pipe.send(0.5)
    pipe.send(1.0)


def an_error(pipe):
    pipe.send(0.5)
    os._exit(1)


def waits(pipe):
    time.sleep(60)


def started(home, target):
    events, ended = [], threading.Event()

    def publish(name, data):
        events.append((name, data["state"], data["progress"]))
        if data["state"] == "ready":
            ended.set()

    warm_up = WarmUp(home, target)
    warm_up.start(publish)
    return warm_up, events, ended


def test_the_first_start_is_announced_and_the_next_one_is_not(tmp_path):
    warm_up, events, ended = started(tmp_path, two_steps)
    assert ended.wait(60)
    assert events == [
        ("engine", "preparing", 0.5), ("engine", "preparing", 1.0), ("engine", "ready", 1.0),
    ]  # fmt: skip
    warm_up.close()
    assert WarmUp(tmp_path, two_steps).describe() == {"state": "ready", "progress": 0.0}


@pytest.mark.slow
def test_a_failure_is_no_obstacle_and_the_next_start_tries_again(tmp_path):
    warm_up, events, ended = started(tmp_path, an_error)
    assert ended.wait(60)
    assert events[-1] == ("engine", "ready", 1.0)
    warm_up.close()
    assert WarmUp(tmp_path).state == "preparing"


@pytest.mark.slow
def test_it_stops_with_the_server(tmp_path):
    warm_up, _, ended = started(tmp_path, waits)
    start = time.monotonic()
    warm_up.close()
    assert ended.wait(10)
    assert time.monotonic() - start < 10


@pytest.mark.slow
def test_mixes_compile_nothing_after_it(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def compiled():
        subprocess.run([sys.executable, "-c", EXPORTS], check=True, env=environment)
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nbc")}

    first = compiled()
    assert len(first) > 20
    assert compiled() == first
