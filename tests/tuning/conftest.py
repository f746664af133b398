"""Studies in a folder of their own, and sweeps in processes of their own."""

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

FAKE = Path(__file__).with_name("fake_sweep.py")


@pytest.fixture
def open_study(tmp_path):
    """A function: a name → the study of that name in a journal, made on first use."""

    def opened(name="study", **more):
        storage = open_storage("journal", name, tmp_path, tmp_path)
        with quiet_optuna():
            return optuna.create_study(
                study_name=name, storage=storage, load_if_exists=True, **more
            )

    return opened


class Sweep:
    """A sweep with the fake training, in a process group of its own."""

    def __init__(self, folder, storage="journal", data=None):
        self.folder, self.storage = folder, storage
        self.data = data or folder / "data"
        self.places = [f"paths.mlruns={folder}", f"paths.data={self.data}", f"storage={storage}"]
        self.processes = []

    def start(self, *words, **environment):
        command = [
            sys.executable,
            str(FAKE),
            *words,
            *self.places,
            f"output_dir={self.folder}/pages",
        ]
        given = {**os.environ, **{name: str(value) for name, value in environment.items()}}
        with (self.folder / f"said-{len(self.processes)}").open("w") as said:
            self.processes.append(
                subprocess.Popen(
                    command, env=given, stdout=said, stderr=said, start_new_session=True
                )
            )
        return self

    def end(self, code=0):
        """Wait for the last one; what it said."""
        ended = self.processes[-1].wait(timeout=300)
        said = (self.folder / f"said-{len(self.processes) - 1}").read_text()
        assert ended == code, said
        return said

    def kill(self):
        """The whole group at once: lead and workers."""
        os.killpg(self.processes[-1].pid, signal.SIGKILL)
        self.processes[-1].wait()

    def epochs(self):
        """(trial, epoch, process) of every epoch that was begun."""
        log = self.folder / "epochs.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [tuple(map(int, line.split())) for line in lines]

    def until(self, condition):
        """Wait until the epochs so far are as wanted; returns them."""
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
    """The store is there already: making one takes seconds.

    Started as from a terminal: from tests in the background it would inherit to ignore Ctrl-C.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = Sweep(store.folder)
    yield started
    signal.signal(signal.SIGINT, before)
    for process in started.processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
