"""Eight workers on one study, one of them killed: exactly forty trials are completed."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from ai_mixer.tuning import postgresql
from ai_mixer.tuning.storage import journal_file, open_storage
from ai_mixer.tuning.study import quiet_optuna
from ai_mixer.tuning.trial_queue import enqueue_trials, unique_trials

pytestmark = pytest.mark.slow

WORKER = Path(__file__).with_name("cheap_worker.py")
TRIALS, WORKERS = 40, 8


@pytest.fixture(scope="module")
def database():
    """URL of a PostgreSQL cluster in a temporary folder."""
    pytest.importorskip("psycopg", reason="the extra `scale` is not installed")
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:  # short, for the socket
        Path(folder).chmod(0o755)  # root starts the server as another user
        try:
            yield postgresql.start(Path(folder))
        except OSError as error:
            pytest.skip(str(error))
        finally:
            postgresql.stop(Path(folder))


def run_workers(storage, study, log, alive):
    """Start the workers, kill one during a trial, wait for the others."""
    command = [sys.executable, str(WORKER), storage, study.study_name, str(log)]
    workers = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(WORKERS)]
    try:
        end = time.monotonic() + 200
        while not log.exists() or len(log.read_text().splitlines()) < alive:
            assert time.monotonic() < end
            assert any(worker.poll() is None for worker in workers)
            time.sleep(0.02)
        victim = int(log.read_text().splitlines()[-1].split()[1])
        os.kill(victim, signal.SIGKILL)
        codes = [worker.wait(timeout=200) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert sorted(codes) == [-signal.SIGKILL, *([0] * (WORKERS - 1))]


def check_trials(study, log):
    states = [trial.state for trial in unique_trials(study)]
    assert states == TRIALS * [TrialState.COMPLETE]
    started = [int(line.split()[0]) for line in log.read_text().splitlines()]
    assert len(started) == len(set(started)) == len(study.trials)  # no number was started twice
    assert len(study.trials) - TRIALS <= 1  # the copy of the killed trial
    assert len({line.split()[1] for line in log.read_text().splitlines()}) >= 2


def test_workers_with_postgresql(database, tmp_path):
    storage = open_storage(database, "", "", "")
    with quiet_optuna():
        study = optuna.create_study(study_name="mine", storage=storage)
    enqueue_trials(study, TRIALS)
    log = tmp_path / "log"
    run_workers(database, study, log, alive=6)
    check_trials(study, log)
    storage.engine.dispose()  # else its connections warn when they are garbage-collected


def test_workers_with_a_journal(open_study, tmp_path, monkeypatch):
    study = open_study("mine")
    enqueue_trials(study, TRIALS)
    monkeypatch.chdir(tmp_path)
    assert journal_file("mine", ".").exists()
    log = tmp_path / "log"
    run_workers("journal", study, log, alive=6)
    check_trials(study, log)


def test_starting_a_running_cluster_changes_nothing(database):
    folder = Path(database.partition("host=")[2]).parent
    assert postgresql.start(folder) == database
    assert postgresql.database_url(folder) == database
