"""Waiting trials are taken once each; what dead workers left comes back once."""

import socket
import threading
import time

import pytest

from ai_mixer.tracking.process_info import HOST, PID, process_tags
from ai_mixer.tuning import trial_queue
from ai_mixer.tuning.storage import journal_file, open_storage
from ai_mixer.tuning.trial_queue import (
    ERROR_ATTR,
    HEARTBEAT_ATTR,
    WORKER_ATTR,
    StaleTrialDetector,
    claim_trial,
    enqueue_trials,
    failed_trials,
    heartbeat,
    original_number,
    retry_history,
    retry_stale_trials,
    unfinished_trials,
    unique_trials,
)

GONE = {**process_tags(), PID: "4194305"}  # above what the kernel gives out
FAR = {**process_tags(), HOST: "elsewhere"}


def take_and_die(study, worker=GONE, **values):
    trial = claim_trial(study)
    for name, value in values.items():
        trial.suggest_float(name, value, value)
    trial.set_user_attr(WORKER_ATTR, worker)
    return trial


def test_a_queue_is_filled_to_a_number_and_no_further(open_study):
    study = open_study()
    assert enqueue_trials(study, 3, [{"x": 0.25}]) == 3
    assert enqueue_trials(study, 3) == 0
    assert enqueue_trials(study, 5) == 2
    assert enqueue_trials(study, 2) == 0
    assert claim_trial(study).suggest_float("x", 0, 1) == 0.25
    assert [trial.state.name for trial in study.trials] == ["RUNNING"] + 4 * ["WAITING"]


def test_nobody_takes_what_another_took_and_nothing_is_made(open_study):
    enqueue_trials(open_study(), 20)
    taken, threads = [], []

    def worker():
        study = open_study()
        while (trial := claim_trial(study)) is not None:
            taken.append(trial.number)
            study.tell(trial, 1.0)

    for _ in range(4):
        threads.append(threading.Thread(target=worker))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(20))
    assert len(open_study().trials) == 20


def test_a_dead_trial_comes_back_once_with_its_values(open_study):
    study, other = open_study(), open_study()
    enqueue_trials(study, 2)
    stale_trials = take_and_die(study, x=0.5)
    stale_trials.report(0.125, 3)
    stale_trials.set_user_attr("songs", [1])
    first, second = StaleTrialDetector(300), StaleTrialDetector(300)
    assert [trial.number for trial in first.stale_trials(study)] == [0]
    assert [trial.number for trial in second.stale_trials(other)] == [0]
    assert len(retry_stale_trials(study, first, most=3)) == 1
    assert retry_stale_trials(other, second, most=3) == []
    study.tell(claim_trial(study), 1.0)
    again = claim_trial(study)
    assert again.suggest_float("x", 0.5, 0.5) == 0.5
    frozen = study.trials[again.number]
    assert (retry_history(frozen), original_number(frozen)) == ([0], 0)
    assert frozen.intermediate_values == {3: 0.125}
    assert frozen.user_attrs["songs"] == [1]
    assert frozen.user_attrs[WORKER_ATTR] == process_tags()
    assert StaleTrialDetector(300).stale_trials(study) == []
    assert study.trials[0].user_attrs[ERROR_ATTR] == "its process died"
    assert len(unique_trials(study)) == 2
    assert failed_trials(study) == []
    assert len(unfinished_trials(study)) == 1


def test_after_so_many_retries_it_has_failed(open_study):
    study = open_study()
    enqueue_trials(study, 1)
    for _ in range(3):
        take_and_die(study)
        retry_stale_trials(study, StaleTrialDetector(300), most=2)
    assert claim_trial(study) is None
    assert len(unique_trials(study)) == len(failed_trials(study)) == 1


def test_a_finished_trial_of_a_dead_worker_stays(open_study):
    study = open_study()
    enqueue_trials(study, 1)
    trial = take_and_die(study)
    stale = StaleTrialDetector(300)
    stale.stale_trials(study)
    study.tell(trial, 2.0)
    assert retry_stale_trials(study, stale, most=3) == []
    assert study.best_value == 2.0


def test_of_another_machine_only_silence_counts(open_study):
    study, watch = open_study(), StaleTrialDetector(heartbeat_timeout_s=0.2)
    enqueue_trials(study, 1)
    trial = take_and_die(study, FAR)
    assert watch.stale_trials(study) == []
    for beat in range(4):
        time.sleep(0.1)
        trial.set_user_attr(HEARTBEAT_ATTR, beat)
        assert watch.stale_trials(study) == []
    time.sleep(0.3)
    assert len(watch.stale_trials(study)) == 1
    assert socket.gethostname() != FAR[HOST]


def test_a_trial_taken_and_never_signed(open_study, monkeypatch):
    study, watch = open_study(), StaleTrialDetector(300)
    enqueue_trials(study, 1)
    study._pop_waiting_trial_id()
    assert watch.stale_trials(study) == []
    monkeypatch.setattr(trial_queue, "UNCLAIMED_TIMEOUT_S", 0.0)
    time.sleep(0.01)
    assert len(watch.stale_trials(study)) == 1


def test_a_running_trial_shows_that_it_lives(open_study):
    study = open_study()
    enqueue_trials(study, 1)
    trial = claim_trial(study)
    with heartbeat(trial, 0.02):
        time.sleep(0.2)
    seen = study.trials[0].user_attrs[HEARTBEAT_ATTR]
    assert 2 <= seen <= 10
    time.sleep(0.1)
    assert study.trials[0].user_attrs[HEARTBEAT_ATTR] == seen


def test_half_a_line_at_the_end_of_a_journal_is_cut_off(open_study, tmp_path):
    """What a power cut may leave: Optuna alone would read no further."""
    study = open_study()
    enqueue_trials(study, 2)
    study.tell(claim_trial(study), 1.0)
    file = journal_file("study", tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code":6,"worker')
    again = open_study()
    study.tell(claim_trial(again).number, 0.5)
    assert [trial.value for trial in open_study().trials] == [1.0, 0.5]
    assert file.read_bytes().startswith(whole)


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("jornal", "neither journal nor postgresql"),
        ("nodb://x/y", "is no address of a database"),
        ("postgresql", "`make services` starts one"),
    ],
)
def test_a_storage_that_is_not_there_is_one_line(storage, message, tmp_path):
    with pytest.raises((ValueError, OSError), match=message):
        open_storage(storage, "any", tmp_path, tmp_path)
