"""One worker: take a trial, try it, tell; and again, until nothing is left to take."""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optuna import Study, Trial
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ai_mixer.tuning.resume import resume_command
from ai_mixer.tuning.trial_queue import (
    ERROR_ATTR,
    StaleTrialDetector,
    claim_trial,
    failed_trials,
    heartbeat,
    retry_stale_trials,
    unfinished_trials,
    unique_trials,
)

ObjectiveFunction = Callable[[Trial], Sequence[float] | None]
"""Tries a trial; None if it was given up early (pruned). What it raises is the trial's failure."""


@dataclass(frozen=True)
class WorkerSettings:
    """How much a worker bears, and how often it looks.

    max_failures: failed trials of a study; max_retries: how often a trial is queued again after its
    process died; heartbeat_interval_s: between heartbeats;
    heartbeat_timeout_s: without a heartbeat, after which a trial counts as dead, on another
    machine; poll_s: between looks at an empty queue.
    """

    max_failures: int = 3
    max_retries: int = 3
    heartbeat_interval_s: float = 60.0
    heartbeat_timeout_s: float = 300.0
    poll_interval_s: float = 2.0


class TooManyFailuresError(ValueError):  # says what happened
    """The sweep is broken off: another trial would most likely fail as well."""


def run_worker(
    study: Study,
    objective: ObjectiveFunction,
    worker_settings: WorkerSettings = WorkerSettings(),  # noqa: B008  # frozen
    sampler: Callable[[int], BaseSampler] | None = None,
    overrides: Sequence[str] = (),
) -> int:
    """Try what waits, until no trial waits or is being tried. Returns how many this worker told.

    Waits for the last trials of others: one of them may die, and its trial come back. sampler: the
    one for a trial's number, if not the study's; typed: the words of the command line.
    TooManyFailures ends it early.
    """
    watch, told = StaleTrialDetector(worker_settings.heartbeat_timeout_s), 0
    while True:
        _check_failures(study, worker_settings.max_failures, overrides)
        for dead in retry_stale_trials(study, watch, worker_settings.max_retries):
            _print(f"trial {dead.number}: its process died; queued again")
        trial = claim_trial(study, sampler)
        if trial is not None:
            _run_trial(study, trial, objective, worker_settings.heartbeat_interval_s)
            told += 1
        elif unfinished_trials(study):
            time.sleep(worker_settings.poll_interval_s)
        else:
            return told


def _check_failures(study: Study, most: int, overrides: Sequence[str]) -> None:
    gone = failed_trials(study)
    if len(gone) > most:
        last = gone[-1]
        again = resume_command(study.study_name, overrides, f"max_failures={2 * len(gone)}")
        raise TooManyFailuresError(
            f"{len(gone)} trials of {study.study_name} failed (max_failures={most}), the last one, "
            f"trial {last.number}: {last.user_attrs.get(ERROR_ATTR)}; "
            f"{again} goes on"
        )


def _run_trial(
    study: Study, trial: Trial, objective: ObjectiveFunction, heartbeat_interval_s: float
) -> None:
    """One trial, from taken to told. An exception is its failure, not ours."""
    began = time.monotonic()
    with heartbeat(trial, heartbeat_interval_s):
        try:
            values = objective(trial)
            state = TrialState.PRUNED if values is None else TrialState.COMPLETE
            if values is not None and not all(map(math.isfinite, values)):
                raise FloatingPointError(f"the figure is {', '.join(map(str, values))}")
        except Exception as error:
            values, state = None, TrialState.FAIL
            text = " ".join(f"{type(error).__name__}: {error}".split())
            trial.set_user_attr(ERROR_ATTR, text)
    # Skipped if we were taken for dead meanwhile: the copy will be told.
    ended = study.tell(trial, values, state, skip_if_finished=True)
    _print(_trial_line(study, ended, time.monotonic() - began))


def _trial_line(study: Study, trial: FrozenTrial, seconds: float) -> str:
    """What the screen says of an ended trial."""
    what = trial.user_attrs.get(ERROR_ATTR, "failed")
    if trial.state is TrialState.PRUNED:
        what = "given up early"
    if trial.state is TrialState.COMPLETE:
        what = ", ".join(f"{value:.4g}" for value in trial.values)
    done = [one for one in unique_trials(study) if one.state.is_finished()]
    best = ""
    if len(study.directions) == 1 and any(one.state is TrialState.COMPLETE for one in done):
        leader = study.best_trial
        best = f"; best {leader.value:.4g} of trial {leader.number}"
    params = " ".join(f"{key}={format_param(value)}" for key, value in trial.params.items())
    return f"trial {trial.number}: {what} ({seconds:.0f} s, {len(done)} done{best})  {params}"


def format_param(value: object) -> str:
    """A value of a space as a table shows it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def best_trials(study: Study) -> list[FrozenTrial]:
    """Trials that came to their end, the best first; of several objectives the Pareto front."""
    if len(study.directions) > 1:
        return list(study.best_trials)
    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    up = study.direction is StudyDirection.MAXIMIZE
    return sorted(ended, key=lambda trial: -trial.values[0] if up else trial.values[0])
