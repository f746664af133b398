"""The queue of trials, kept in Optuna's storage.

All trials are stored as WAITING when the study is created, so that any number of workers completes
exactly the requested number. A trial whose worker died becomes FAIL, and Optuna's own callback
queues a copy with the same values and attributes; the copy lists the trials that it replaces
(`retry_history`).
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from optuna import Study, Trial
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState, create_trial

from ai_mixer.tracking.process_info import process_tags
from ai_mixer.tuning.heartbeat import HEARTBEAT_ATTR, WORKER_ATTR, StaleTrialDetector
from ai_mixer.tuning.optuna_private import fail_trial, pop_waiting_trial_id, trial_number
from ai_mixer.tuning.search_space import ParamValue

ERROR_ATTR = "error"  # user attribute of a trial
PROCESS_DIED = "its process died"


def enqueue_trials(study: Study, trials: int, first: Sequence[dict[str, ParamValue]] = ()) -> int:
    """Queue trials until the study has `trials`. Return the number added.

    first: fixed values of the first ones, in order.
    """
    missing = trials - len(unique_trials(study))
    for values in first[: max(0, missing)]:
        study.enqueue_trial(dict(values))
    for _ in range(missing - len(first)):
        study.add_trial(create_trial(state=TrialState.WAITING))
    return max(0, missing)


def unique_trials(study: Study) -> list[FrozenTrial]:
    """All trials without those that died and were queued again."""
    trials = study.get_trials(deepcopy=False)
    replaced = {number for trial in trials for number in retry_history(trial)}
    return [trial for trial in trials if trial.number not in replaced]


def failed_trials(study: Study) -> list[FrozenTrial]:
    """Trials that failed and are not queued again."""
    return [trial for trial in unique_trials(study) if trial.state is TrialState.FAIL]


def unfinished_trials(study: Study) -> list[FrozenTrial]:
    """Waiting and running trials."""
    return study.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING))


def retry_history(trial: FrozenTrial) -> list[int]:
    """Numbers of the dead trials that this one replaces, the oldest first."""
    with _ignore_experimental_warning():
        return list(RetryHeartbeatStaleTrialCallback.retry_history(trial))


def original_number(trial: FrozenTrial) -> int:
    """Number of the first trial that this one replaces, or its own."""
    return next(iter(retry_history(trial)), trial.number)


def claim_trial(study: Study, sampler: Callable[[int], BaseSampler] | None = None) -> Trial | None:
    """Take the next waiting trial and mark it as this process's; None if no trial is waiting.

    sampler: maps a trial's number to its sampler; None for the study's sampler.
    """
    trial_id = pop_waiting_trial_id(study)
    if trial_id is None:
        return None
    if sampler is not None:
        study.sampler = sampler(trial_number(study, trial_id))
    trial = Trial(study, trial_id)
    trial.set_user_attr(WORKER_ATTR, process_tags())
    return trial


def retry_stale_trials(
    study: Study, detector: StaleTrialDetector, max_retries: int
) -> list[FrozenTrial]:
    """Queue trials of dead workers again, at most `max_retries` times. Return the dead ones."""
    retried = []
    for trial in detector.stale_trials(study):
        with suppress(UpdateFinishedTrialError):  # another worker was faster
            fail_trial(study, trial, **{ERROR_ATTR: PROCESS_DIED})
            retried.append(_enqueue_copy(study, trial, max_retries))
    return retried


def _enqueue_copy(study: Study, trial: FrozenTrial, max_retries: int) -> FrozenTrial:
    unclaimed = copy.deepcopy(trial)
    for name in (WORKER_ATTR, HEARTBEAT_ATTR, ERROR_ATTR):
        unclaimed.user_attrs.pop(name, None)
    with _ignore_experimental_warning():
        enqueue = RetryHeartbeatStaleTrialCallback(max_retries, inherit_intermediate_values=True)
        enqueue(study, unclaimed)
    return trial


@contextmanager
def _ignore_experimental_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
