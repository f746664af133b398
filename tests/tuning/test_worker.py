"""The loop of one worker: failures are recorded, and too many failures end it."""

import pytest
from optuna.trial import TrialState

from ai_mixer.tracking.process_info import PID, process_tags
from ai_mixer.tuning.heartbeat import WORKER_ATTR
from ai_mixer.tuning.trial_queue import ERROR_ATTR, claim_trial, enqueue_trials
from ai_mixer.tuning.worker import TooManyFailuresError, WorkerSettings, best_trials, run_worker

QUICK = WorkerSettings(max_failures=2, poll_interval_s=0.01)


def states(study):
    return [trial.state.name for trial in study.trials]


def test_every_trial_runs_once(open_study, log):
    study = open_study(directions=["maximize"])
    enqueue_trials(study, 5, [{"x": 0.5}])
    assert run_worker(study, lambda trial: [trial.suggest_float("x", 0, 1)], QUICK) == 5
    assert states(study) == 5 * ["COMPLETE"]
    assert study.trials[0].value == 0.5
    values = [trial.values[0] for trial in best_trials(study)]
    assert values == sorted(values, reverse=True)
    assert "trial 0: 0.5 (0 s, 1 done; best 0.5 of trial 0)  x=0.5" in log.text


@pytest.mark.parametrize(
    ("outcome", "recorded"),
    [
        (RuntimeError("two  spaces\nand a line"), "RuntimeError: two spaces and a line"),
        ([float("nan")], "FloatingPointError: the value is nan"),
    ],
)
def test_failed_trial_is_recorded_and_the_others_continue(open_study, outcome, recorded):
    study = open_study()
    enqueue_trials(study, 4)

    def objective(trial):
        if trial.number != 1:
            return [1.0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    run_worker(study, objective, QUICK)
    assert states(study) == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert study.trials[1].user_attrs[ERROR_ATTR] == recorded


def test_too_many_failures_end_the_worker_and_trials_stay_queued(open_study):
    study = open_study("mine")
    enqueue_trials(study, 9)

    def objective(trial):
        raise ValueError(f"bad {trial.number}")

    with pytest.raises(
        TooManyFailuresError,
        match=r"^3 trials .*trial 2: ValueError: bad 2.* make sweep resume=mine max_failures=6",
    ):
        run_worker(study, objective, QUICK)
    with pytest.raises(TooManyFailuresError, match="resume=mine storage=postgresql max_failures=6"):
        run_worker(study, objective, QUICK, overrides=["storage=postgresql"])
    assert states(study) == 3 * ["FAIL"] + 6 * ["WAITING"]
    assert (
        run_worker(study, lambda trial: [0.0], WorkerSettings(max_failures=6, poll_interval_s=0.01))
        == 6
    )


def test_pruned_trial_is_done(open_study):
    study = open_study()
    enqueue_trials(study, 2)

    def objective(trial):
        trial.report(3.0, 0)

    run_worker(study, objective, QUICK)
    assert states(study) == 2 * ["PRUNED"]
    assert best_trials(study) == []


def test_trial_of_a_dead_worker_runs_again(open_study):
    study = open_study()
    enqueue_trials(study, 3)
    dead = claim_trial(study)
    dead.set_user_attr(WORKER_ATTR, {**process_tags(), PID: "4194305"})
    assert run_worker(study, lambda trial: [1.0], QUICK) == 3
    assert states(study) == ["FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]


def test_interrupted_trial_stays_running(open_study):
    """Its process ends, so the next worker finds it stale and runs it again."""
    study = open_study()
    enqueue_trials(study, 2)

    def objective(trial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_worker(study, objective, QUICK)
    assert study.trials[0].state is TrialState.RUNNING


def test_best_trials_of_several_objectives_are_the_pareto_front(open_study):
    study = open_study(directions=["maximize", "minimize"])
    enqueue_trials(study, 4)
    points = [[1.0, 1.0], [2.0, 2.0], [0.0, 2.0], [1.5, 0.5]]
    run_worker(study, lambda trial: points[trial.number], QUICK)
    assert {trial.number for trial in best_trials(study)} == {1, 3}
