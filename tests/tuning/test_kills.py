"""SIGKILL in real processes: no finished trial is lost, none is counted twice, the rest goes on."""

import os
import signal
from collections import Counter

import pytest

from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.tuning.objective import TRIAL_TAG
from ai_mixer.tuning.trial_queue import original_number, unique_trials

pytestmark = pytest.mark.slow

WORDS = ["study=mine", "search=none", "optimizer.lr=tag(log,interval(1e-5,1e-2))"]
WORDS += ["trainer.max_epochs=4"]


def check_complete(sweep, store, trials):
    """Every trial told once, each with one finished run, and no epoch of one trained in vain."""
    assert sweep.states("mine") == {"COMPLETE": trials}
    study = sweep.study("mine")
    assert sorted(original_number(trial) for trial in unique_trials(study)) == list(range(trials))
    runs = child_runs(store, study.user_attrs["plan"]["parent"])
    assert Counter(run.data.tags[TRIAL_TAG] for run in runs) == {str(n): 1 for n in range(trials)}
    assert {run.info.status for run in runs} == {"FINISHED"}
    for trial in unique_trials(study):
        (run,) = [run for run in runs if run.data.tags[TRIAL_TAG] == str(original_number(trial))]
        assert run.data.metrics["best/val/skill"] == trial.value
    parent = store.client.get_run(study.user_attrs["plan"]["parent"])
    assert parent.info.status == "FINISHED"


def repeated(epochs):
    """How often an epoch of a trial was begun again."""
    return sum(count - 1 for count in Counter(pair[:2] for pair in epochs).values())


def test_one_of_two_workers_is_killed(sweep, store):
    """The other finds its trial and goes on from its checkpoint."""
    sweep.start(*WORDS, "trials=8", "workers=2", FAKE_EPOCH_S=0.3, FAKE_TOGETHER=2)
    lead = sweep.processes[-1].pid
    epochs = sweep.until(lambda seen: any(p != lead and e == 2 for _, e, p in seen))
    victim, number = next((p, t) for t, e, p in epochs if p != lead and e == 2)
    os.kill(victim, signal.SIGKILL)
    said = sweep.end()
    assert f"trial {number}: its process died; queued again" in said
    check_complete(sweep, store, 8)
    epochs = sweep.epochs()
    assert repeated(epochs) == 1
    assert [(e, p) for t, e, p in epochs if t == number and p != victim] == [(2, lead), (3, lead)]


def test_all_are_killed_and_the_study_goes_on(sweep, store):
    sweep.start(*WORDS, "trials=6", "workers=2", FAKE_EPOCH_S=0.3, FAKE_TOGETHER=2)
    sweep.until(lambda seen: any(trial == 3 for trial, _, _ in seen))  # so one has ended
    sweep.kill()
    before = {t.number: t.value for t in sweep.study("mine").trials if t.state.is_finished()}
    cut_off = sweep.states("mine")["RUNNING"]
    assert len(before) >= 1
    assert cut_off >= 1
    sweep.start("resume=mine", "workers=1")
    sweep.end()
    check_complete(sweep, store, 6)
    after = {t.number: t.value for t in sweep.study("mine").trials}
    assert before.items() <= after.items()
    assert repeated(sweep.epochs()) <= cut_off


def test_a_lead_that_is_killed_leaves_its_workers_at_work(sweep, store):
    sweep.start(*WORDS, "trials=6", "workers=2", FAKE_EPOCH_S=0.2, FAKE_TOGETHER=2)
    lead = sweep.processes[-1].pid
    sweep.until(lambda seen: any(p != lead for _, _, p in seen))
    os.kill(lead, signal.SIGKILL)
    sweep.processes[-1].wait()
    sweep.start("resume=mine", "workers=1")
    sweep.end()
    check_complete(sweep, store, 6)


def test_stopped_by_a_person_it_says_how_to_go_on(sweep, store):
    sweep.start(*WORDS, "trials=4", FAKE_EPOCH_S=0.3)
    sweep.until(lambda seen: len(seen) >= 2)
    sweep.processes[-1].send_signal(signal.SIGINT)
    said = sweep.end(code=130)
    assert "stopped by SIGINT: `make sweep resume=mine " in said
    assert all(word in said for word in sweep.places)
    sweep.start("resume=last")
    sweep.end()
    check_complete(sweep, store, 4)


def test_too_many_failures_end_all_workers(sweep):
    sweep.start(*WORDS, "trials=20", "workers=2", "max_failures=1", FAKE_FAILS="0,1,2,3,4,5")
    said = sweep.end(code=1)
    assert "trials of mine failed (max_failures=1), the last one" in said
    assert "RuntimeError: no luck" in said
    assert "Traceback" not in said
    states = sweep.states("mine")
    assert 2 <= states["FAIL"] <= 4
    assert states["WAITING"] >= 10
