"""Each waiting trial is claimed once; each trial of a dead worker is queued again once."""

import socket
import threading
import time

import pytest

from ai_mixer.tracking.process_info import HOST, PID, process_tags
from ai_mixer.tuning import heartbeat as heartbeat_module
from ai_mixer.tuning.heartbeat import HEARTBEAT_ATTR, WORKER_ATTR, StaleTrialDetector, heartbeat
from ai_mixer.tuning.optuna_private import pop_waiting_trial_id
from ai_mixer.tuning.storage import journal_file, open_storage
from ai_mixer.tuning.trial_queue import (
    ERROR_ATTR,
    PROCESS_DIED,
    claim_trial,
    enqueue_trials,
    failed_trials,
    original_number,
    retry_history,
    retry_stale_trials,
    unfinished_trials,
    unique_trials,
)

DEAD_WORKER = {**process_tags(), PID: "4194305"}  # above the kernel's limit of process ids
OTHER_HOST = {**process_tags(), HOST: "elsewhere"}


def claim_as(study, worker=DEAD_WORKER, **values):
    """Claim a trial for another worker."""
    trial = claim_trial(study)
    for name, value in values.items():
        trial.suggest_float(name, value, value)
    trial.set_user_attr(WORKER_ATTR, worker)
    return trial


def test_enqueue_trials_adds_only_missing_trials(open_study):
    study = open_study()
    assert enqueue_trials(study, 3, [{"x": 0.25}]) == 3
    assert enqueue_trials(study, 3) == 0
    assert enqueue_trials(study, 5) == 2
    assert enqueue_trials(study, 2) == 0
    assert claim_trial(study).suggest_float("x", 0, 1) == 0.25
    assert [trial.state.name for trial in study.trials] == ["RUNNING"] + 4 * ["WAITING"]


def test_each_trial_is_claimed_once_and_none_is_created(open_study):
    enqueue_trials(open_study(), 20)
    claimed, threads = [], []

    def worker():
        study = open_study()
        while (trial := claim_trial(study)) is not None:
            claimed.append(trial.number)
            study.tell(trial, 1.0)

    for _ in range(4):
        threads.append(threading.Thread(target=worker))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == list(range(20))
    assert len(open_study().trials) == 20


def test_stale_trial_is_queued_again_once_with_its_values(open_study):
    study, other = open_study(), open_study()
    enqueue_trials(study, 2)
    stale = claim_as(study, x=0.5)
    stale.report(0.125, 3)
    stale.set_user_attr("songs", [1])
    first, second = StaleTrialDetector(300), StaleTrialDetector(300)
    assert [trial.number for trial in first.stale_trials(study)] == [0]
    assert [trial.number for trial in second.stale_trials(other)] == [0]
    assert len(retry_stale_trials(study, first, max_retries=3)) == 1
    assert retry_stale_trials(other, second, max_retries=3) == []
    study.tell(claim_trial(study), 1.0)
    retried = claim_trial(study)
    assert retried.suggest_float("x", 0.5, 0.5) == 0.5
    frozen = study.trials[retried.number]
    assert (retry_history(frozen), original_number(frozen)) == ([0], 0)
    assert frozen.intermediate_values == {3: 0.125}
    assert frozen.user_attrs["songs"] == [1]
    assert frozen.user_attrs[WORKER_ATTR] == process_tags()
    assert StaleTrialDetector(300).stale_trials(study) == []
    assert study.trials[0].user_attrs[ERROR_ATTR] == PROCESS_DIED
    assert len(unique_trials(study)) == 2
    assert failed_trials(study) == []
    assert len(unfinished_trials(study)) == 1


def test_trial_fails_after_max_retries(open_study):
    study = open_study()
    enqueue_trials(study, 1)
    for _ in range(3):
        claim_as(study)
        retry_stale_trials(study, StaleTrialDetector(300), max_retries=2)
    assert claim_trial(study) is None
    assert len(unique_trials(study)) == len(failed_trials(study)) == 1


def test_finished_trial_of_a_dead_worker_is_kept(open_study):
    study = open_study()
    enqueue_trials(study, 1)
    trial = claim_as(study)
    detector = StaleTrialDetector(300)
    detector.stale_trials(study)
    study.tell(trial, 2.0)
    assert retry_stale_trials(study, detector, max_retries=3) == []
    assert study.best_value == 2.0


def test_trial_on_another_machine_is_stale_without_heartbeats(open_study):
    study, detector = open_study(), StaleTrialDetector(heartbeat_timeout_s=0.2)
    enqueue_trials(study, 1)
    trial = claim_as(study, OTHER_HOST)
    assert detector.stale_trials(study) == []
    for beat in range(4):
        time.sleep(0.1)
        trial.set_user_attr(HEARTBEAT_ATTR, beat)
        assert detector.stale_trials(study) == []
    time.sleep(0.3)
    assert len(detector.stale_trials(study)) == 1
    assert socket.gethostname() != OTHER_HOST[HOST]


def test_trial_that_no_worker_claimed_is_stale(open_study, monkeypatch):
    study, detector = open_study(), StaleTrialDetector(300)
    enqueue_trials(study, 1)
    pop_waiting_trial_id(study)
    assert detector.stale_trials(study) == []
    monkeypatch.setattr(heartbeat_module, "UNCLAIMED_TIMEOUT_S", 0.0)
    time.sleep(0.01)
    assert len(detector.stale_trials(study)) == 1


def test_heartbeat_counts_while_the_trial_runs(open_study):
    study = open_study()
    enqueue_trials(study, 1)
    trial = claim_trial(study)
    with heartbeat(trial, 0.02):
        time.sleep(0.2)
    beats = study.trials[0].user_attrs[HEARTBEAT_ATTR]
    assert 2 <= beats <= 10
    time.sleep(0.1)
    assert study.trials[0].user_attrs[HEARTBEAT_ATTR] == beats


def test_incomplete_last_line_of_a_journal_is_removed(open_study, tmp_path):
    """A power cut may leave one, and Optuna stops reading at it."""
    study = open_study()
    enqueue_trials(study, 2)
    study.tell(claim_trial(study), 1.0)
    file = journal_file("study", tmp_path)
    complete = file.read_bytes()
    file.write_bytes(complete + b'{"op_code":6,"worker')
    reopened = open_study()
    study.tell(claim_trial(reopened).number, 0.5)
    assert [trial.value for trial in open_study().trials] == [1.0, 0.5]
    assert file.read_bytes().startswith(complete)


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("jornal", "storage=jornal"),
        ("nodb://x/y", "storage=nodb://x/y"),
        ("postgresql", "make services"),
    ],
)
def test_unknown_or_missing_storage_raises(storage, message, tmp_path):
    with pytest.raises((ValueError, OSError), match=message):
        open_storage(storage, "any", tmp_path, tmp_path)
