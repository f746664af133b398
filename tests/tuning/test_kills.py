"""SIGKILL in real processes: no finished trial is lost or counted twice, the rest is resumed."""

import os
import signal
from collections import Counter

import pytest

from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.tuning.objective import TRIAL_TAG
from ai_mixer.tuning.trial_queue import original_number, unique_trials

pytestmark = pytest.mark.slow

OVERRIDES = ["study=mine", "search=none", "optimizer.lr=tag(log,interval(1e-5,1e-2))"]
OVERRIDES += ["trainer.max_epochs=4"]


def check_complete(sweep, store, trials):
    """Every trial is complete once and has one finished run with its value."""
    assert sweep.states("mine") == {"COMPLETE": trials}
    study = sweep.study("mine")
    assert sorted(original_number(trial) for trial in unique_trials(study)) == list(range(trials))
    runs = child_runs(store, study.user_attrs["plan"]["parent"])
    assert Counter(run.data.tags[TRIAL_TAG] for run in runs) == {str(n): 1 for n in range(trials)}
    assert {run.info.status for run in runs} == {"FINISHED"}
    for trial in unique_trials(study):
        (run,) = [run for run in runs if run.data.tags[TRIAL_TAG] == str(original_number(trial))]
        assert run.data.metrics["best_val_skill"] == trial.value
    parent = store.client.get_run(study.user_attrs["plan"]["parent"])
    assert parent.info.status == "FINISHED"


def repeated(epochs):
    """Number of epochs of a trial that were started again."""
    return sum(count - 1 for count in Counter(pair[:2] for pair in epochs).values())


def test_trial_of_a_killed_worker_is_resumed_by_the_other(sweep, store):
    """From its checkpoint."""
    sweep.start(*OVERRIDES, "trials=8", "workers=2", FAKE_EPOCH_S=0.3, FAKE_TOGETHER=2)
    main = sweep.processes[-1].pid
    epochs = sweep.until(lambda seen: any(p != main and e == 2 for _, e, p in seen))
    victim, number = next((p, t) for t, e, p in epochs if p != main and e == 2)
    os.kill(victim, signal.SIGKILL)
    output = sweep.end()
    assert f"trial {number}: its process died; queued again" in output
    check_complete(sweep, store, 8)
    epochs = sweep.epochs()
    assert repeated(epochs) == 1
    assert [(e, p) for t, e, p in epochs if t == number and p != victim] == [(2, main), (3, main)]


def test_study_is_resumed_after_all_processes_are_killed(sweep, store):
    sweep.start(*OVERRIDES, "trials=6", "workers=2", FAKE_EPOCH_S=0.3, FAKE_TOGETHER=2)
    sweep.until(lambda seen: any(trial == 3 for trial, _, _ in seen))  # so one is finished
    sweep.kill()
    before = {t.number: t.value for t in sweep.study("mine").trials if t.state.is_finished()}
    running = sweep.states("mine")["RUNNING"]
    assert len(before) >= 1
    assert running >= 1
    sweep.start("resume=mine", "workers=1")
    sweep.end()
    check_complete(sweep, store, 6)
    after = {t.number: t.value for t in sweep.study("mine").trials}
    assert before.items() <= after.items()
    assert repeated(sweep.epochs()) <= running


def test_workers_continue_after_the_main_process_is_killed(sweep, store):
    sweep.start(*OVERRIDES, "trials=6", "workers=2", FAKE_EPOCH_S=0.2, FAKE_TOGETHER=2)
    main = sweep.processes[-1].pid
    sweep.until(lambda seen: any(p != main for _, _, p in seen))
    os.kill(main, signal.SIGKILL)
    sweep.processes[-1].wait()
    sweep.start("resume=mine", "workers=1")
    sweep.end()
    check_complete(sweep, store, 6)


def test_interrupted_sweep_prints_the_command_to_resume(sweep, store):
    sweep.start(*OVERRIDES, "trials=4", FAKE_EPOCH_S=0.3)
    sweep.until(lambda seen: len(seen) >= 2)
    sweep.processes[-1].send_signal(signal.SIGINT)
    output = sweep.end(code=130)
    assert "`make sweep resume=mine " in output
    assert all(override in output for override in sweep.locations)
    sweep.start("resume=last")
    sweep.end()
    check_complete(sweep, store, 4)


def test_too_many_failures_end_all_workers(sweep):
    sweep.start(*OVERRIDES, "trials=20", "workers=2", "max_failures=1", FAKE_FAILS="0,1,2,3,4,5")
    output = sweep.end(code=1)
    assert "trials of mine failed (max_failures=1)" in output
    assert "RuntimeError: no luck" in output
    assert "Traceback" not in output
    states = sweep.states("mine")
    assert 2 <= states["FAIL"] <= 4
    assert states["WAITING"] >= 10
