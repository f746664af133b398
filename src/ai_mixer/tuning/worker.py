"""A worker: claims trials, runs them and reports their values, until the queue is empty."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optuna import Study, Trial
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ai_mixer.tuning.heartbeat import StaleTrialDetector, heartbeat
from ai_mixer.tuning.resume import resume_command
from ai_mixer.tuning.trial_queue import (
    ERROR_ATTR,
    claim_trial,
    failed_trials,
    original_number,
    retry_stale_trials,
    unfinished_trials,
    unique_trials,
)
from ai_mixer.utils.log import logger

ObjectiveFunction = Callable[[Trial], Sequence[float] | None]
"""Run a trial and return its values, None if it was pruned. An exception fails the trial."""


@dataclass(frozen=True)
class WorkerSettings:
    """Limits and intervals of a worker.

    max_failures: failed trials of a study above which it stops. max_retries: how often a trial is
    queued again after its process died. heartbeat_interval_s: interval between heartbeats.
    heartbeat_timeout_s: a trial on another machine without a heartbeat for this time is considered
    dead. poll_interval_s: interval between looks at an empty queue.
    """

    max_failures: int = 3
    max_retries: int = 3
    heartbeat_interval_s: float = 60.0
    heartbeat_timeout_s: float = 300.0
    poll_interval_s: float = 2.0


class TooManyFailuresError(ValueError):
    """More than `max_failures` trials failed; the next ones would probably fail as well."""


def run_worker(
    study: Study,
    objective: ObjectiveFunction,
    worker_settings: WorkerSettings = WorkerSettings(),  # noqa: B008  # frozen
    sampler: Callable[[int], BaseSampler] | None = None,
    overrides: Sequence[str] = (),
) -> int:
    """Run waiting trials until none is waiting or running. Return the number run by this worker.

    Waits for the last trials of other workers: if one of them dies, its trial is queued again.
    sampler: maps a trial's number to its sampler; None for the study's sampler. overrides: the
    command line, for the hint in errors. TooManyFailuresError ends the worker early.
    """
    detector, n_trials = StaleTrialDetector(worker_settings.heartbeat_timeout_s), 0
    while True:
        _check_failures(study, worker_settings.max_failures, overrides)
        for dead in retry_stale_trials(study, detector, worker_settings.max_retries):
            number = original_number(dead)
            logger.warning(f"trial {number}: its process died; queued again")
        trial = claim_trial(study, sampler)
        if trial is not None:
            _run_trial(study, trial, objective, worker_settings.heartbeat_interval_s)
            n_trials += 1
        elif unfinished_trials(study):
            time.sleep(worker_settings.poll_interval_s)
        else:
            return n_trials


def _check_failures(study: Study, max_failures: int, overrides: Sequence[str]) -> None:
    failed = failed_trials(study)
    if len(failed) > max_failures:
        last = failed[-1]
        command = resume_command(study.study_name, overrides, f"max_failures={2 * len(failed)}")
        raise TooManyFailuresError(
            f"{len(failed)} trials of {study.study_name} failed (max_failures={max_failures}); "
            f"the last is trial {original_number(last)}: {last.user_attrs.get(ERROR_ATTR)}; "
            f"resume with {command}"
        )


def _run_trial(
    study: Study, trial: Trial, objective: ObjectiveFunction, heartbeat_interval_s: float
) -> None:
    """Run a claimed trial and report its values. An exception fails the trial, not the worker."""
    start = time.monotonic()
    with heartbeat(trial, heartbeat_interval_s):
        try:
            values = objective(trial)
            state = TrialState.PRUNED if values is None else TrialState.COMPLETE
            if values is not None and not all(map(math.isfinite, values)):
                raise FloatingPointError(f"the value is {', '.join(map(str, values))}")
        except Exception as error:
            values, state = None, TrialState.FAIL
            text = " ".join(f"{type(error).__name__}: {error}".split())
            trial.set_user_attr(ERROR_ATTR, text)
    # Skipped if another worker considered this trial dead and queued a copy.
    finished = study.tell(trial, values, state, skip_if_finished=True)
    logger.info(_trial_line(study, finished, time.monotonic() - start))


def _trial_line(study: Study, trial: FrozenTrial, seconds: float) -> str:
    """One line about a finished trial."""
    outcome = trial.user_attrs.get(ERROR_ATTR, "failed")
    if trial.state is TrialState.PRUNED:
        outcome = "pruned"
    if trial.state is TrialState.COMPLETE:
        outcome = ", ".join(f"{value:.4g}" for value in trial.values)
    finished = [other for other in unique_trials(study) if other.state.is_finished()]
    best = ""
    if len(study.directions) == 1 and any(t.state is TrialState.COMPLETE for t in finished):
        best_trial = study.best_trial
        best = f"; best {best_trial.value:.4g} of trial {original_number(best_trial)}"
    params = " ".join(f"{key}={format_param(value)}" for key, value in trial.params.items())
    number = original_number(trial)
    return f"trial {number}: {outcome} ({seconds:.0f} s, {len(finished)} done{best})  {params}"


def format_param(value: object) -> str:
    """Format a parameter's value for tables."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def best_trials(study: Study) -> list[FrozenTrial]:
    """Complete trials, the best first; the Pareto front if there are several objectives."""
    if len(study.directions) > 1:
        return list(study.best_trials)
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    maximize = study.direction is StudyDirection.MAXIMIZE
    return sorted(complete, key=lambda trial: -trial.values[0] if maximize else trial.values[0])
