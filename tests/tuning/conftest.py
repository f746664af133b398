"""Fixtures: studies in a temporary folder, and sweeps in separate processes."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest

from ai_mixer.tuning.storage import open_storage
from ai_mixer.tuning.study import quiet_optuna
from ai_mixer.tuning.trial_queue import unique_trials
from ai_mixer.utils.log import logger

FAKE = Path(__file__).with_name("fake_sweep.py")


@pytest.fixture
def log(caplog, monkeypatch):
    """Captured messages of the project's logger."""
    monkeypatch.setattr(logger, "propagate", True)
    caplog.set_level(logging.INFO, logger=logger.name)
    return caplog


@pytest.fixture
def open_study(tmp_path):
    """Factory: name → the study of that name in a journal, created on first use."""

    def opened(name="study", **options):
        storage = open_storage("journal", name, tmp_path, tmp_path)
        with quiet_optuna():
            return optuna.create_study(
                study_name=name, storage=storage, load_if_exists=True, **options
            )

    return opened


class Sweep:
    """A sweep with the fake training, in a process group of its own."""

    def __init__(self, folder, storage="journal", data=None):
        self.folder, self.storage = folder, storage
        self.data = data or folder / "data"
        self.locations = [
            f"paths.mlruns={folder}",
            f"paths.data={self.data}",
            f"storage={storage}",
        ]
        self.processes = []

    def start(self, *overrides, **environment):
        command = [
            sys.executable,
            str(FAKE),
            *overrides,
            *self.locations,
            f"output_dir={self.folder}/configs",
        ]
        env = {**os.environ, **{name: str(value) for name, value in environment.items()}}
        with (self.folder / f"output-{len(self.processes)}").open("w") as output:
            self.processes.append(
                subprocess.Popen(
                    command, env=env, stdout=output, stderr=output, start_new_session=True
                )
            )
        return self

    def end(self, code=0):
        """Wait for the last process, check its exit code and return its output."""
        exit_code = self.processes[-1].wait(timeout=300)
        output = (self.folder / f"output-{len(self.processes) - 1}").read_text()
        assert exit_code == code, output
        return output

    def kill(self):
        """Kill the main process and its workers at once."""
        os.killpg(self.processes[-1].pid, signal.SIGKILL)
        self.processes[-1].wait()

    def epochs(self):
        """(trial, epoch, process) of every epoch that was started."""
        log = self.folder / "epochs.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [tuple(map(int, line.split())) for line in lines]

    def until(self, condition):
        """Wait until the condition holds for the epochs so far, and return them."""
        end = time.monotonic() + 200
        while not condition(self.epochs()):
            assert self.processes[-1].poll() is None, self.end()
            assert time.monotonic() < end
            time.sleep(0.02)
        return self.epochs()

    def study(self, name):
        with quiet_optuna():
            storage = open_storage(self.storage, name, self.folder, self.data)
            return optuna.load_study(study_name=name, storage=storage)

    def states(self, name):
        return Counter(trial.state.name for trial in unique_trials(self.study(name)))


@pytest.fixture
def sweep(store):
    """A sweep in a store that exists already: creating one takes seconds.

    Started as from a terminal: a background job inherits that SIGINT is ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = Sweep(store.folder)
    yield started
    signal.signal(signal.SIGINT, before)
    for process in started.processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
