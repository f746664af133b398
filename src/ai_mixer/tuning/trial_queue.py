"""The queue is the storage: waiting trials are taken one by one, and a dead worker's come back.

Every trial is in the storage from the start, as WAITING, so any number of workers ends with the
number asked for. Whose process died is FAIL, and Optuna's own callback queues a copy with the same
values and attributes; the copy names the trials it stands for (`retry_history`).
"""

import copy
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from optuna import Study, Trial
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState, create_trial

from ai_mixer.tracking.process_info import HOST, is_process_alive, process_tags
from ai_mixer.tuning.search_space import ParamValue

WORKER_ATTR, HEARTBEAT_ATTR, ERROR_ATTR = "worker", "alive", "error"  # attributes of a trial
PROCESS_DIED = "its process died"
UNCLAIMED_TIMEOUT_S = 30.0  # between taking a trial and signing it a worker needs milliseconds


def enqueue_trials(study: Study, trials: int, first: Sequence[dict[str, ParamValue]] = ()) -> int:
    """Queue as many as `trials` lacks; `first`: fixed values, in order. Returns how many."""
    missing = trials - len(unique_trials(study))
    for values in first[: max(0, missing)]:
        study.enqueue_trial(dict(values))
    for _ in range(missing - len(first)):
        study.add_trial(create_trial(state=TrialState.WAITING))
    return max(0, missing)


def unique_trials(study: Study) -> list[FrozenTrial]:
    """Every trial once: without those that died and were queued again."""
    trials = study.get_trials(deepcopy=False)
    again = {number for trial in trials for number in retry_history(trial)}
    return [trial for trial in trials if trial.number not in again]


def failed_trials(study: Study) -> list[FrozenTrial]:
    """Trials that were given up."""
    return [trial for trial in unique_trials(study) if trial.state is TrialState.FAIL]


def unfinished_trials(study: Study) -> list[FrozenTrial]:
    """Trials that wait or are being tried."""
    return study.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING))


def retry_history(trial: FrozenTrial) -> list[int]:
    """Numbers of the dead trials that this one stands for, the first one first."""
    with _no_warning():
        return list(RetryHeartbeatStaleTrialCallback.retry_history(trial))


def original_number(trial: FrozenTrial) -> int:
    """The number that a trial had before it died, or its own."""
    return next(iter(retry_history(trial)), trial.number)


def claim_trial(study: Study, sampler: Callable[[int], BaseSampler] | None = None) -> Trial | None:
    """The next trial that waits, signed as ours; None if none does.

    sampler: the one for a trial's number, if not the study's. `Study.ask` would make a new trial
    where none waits, and eight workers at the end of a queue up to seven.
    """
    key = study._pop_waiting_trial_id()
    if key is None:
        return None
    if sampler is not None:
        study.sampler = sampler(study._storage.get_trial(key).number)
    trial = Trial(study, key)
    trial.set_user_attr(WORKER_ATTR, process_tags())
    return trial


@contextmanager
def heartbeat(trial: Trial, interval_s: float) -> Iterator[None]:
    """While the block runs, a thread counts in the trial's attribute `alive`."""
    over = threading.Event()

    def count() -> None:
        beats = 0
        while not over.wait(interval_s):
            beats += 1
            with suppress(UpdateFinishedTrialError):  # we were taken for dead
                trial.set_user_attr(HEARTBEAT_ATTR, beats)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class StaleTrialDetector:
    """Which running trials are nobody's any more.

    On this machine the process itself is looked for. Of other machines only the signs of life are
    seen: dead is who gave none for `heartbeat_timeout_s`
    by our own clock, so no two clocks are compared.
    """

    def __init__(self, heartbeat_timeout_s: float) -> None:
        self.heartbeat_timeout_s = heartbeat_timeout_s
        self._seen: dict[int, tuple[object, float]] = {}

    def stale_trials(self, study: Study) -> list[FrozenTrial]:
        """The running trials whose worker is gone."""
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [trial for trial in running if self._is_stale(trial)]

    def _is_stale(self, trial: FrozenTrial) -> bool:
        worker = trial.user_attrs.get(WORKER_ATTR, {})
        if worker.get(HOST) == socket.gethostname():
            return not is_process_alive(worker)
        return self._silent_s(trial) > (self.heartbeat_timeout_s if worker else UNCLAIMED_TIMEOUT_S)

    def _silent_s(self, trial: FrozenTrial) -> float:
        sign = (trial.user_attrs.get(WORKER_ATTR), trial.user_attrs.get(HEARTBEAT_ATTR))
        now = time.monotonic()
        last, since = self._seen.setdefault(trial.number, (sign, now))
        if last != sign:
            self._seen[trial.number] = (sign, now)
            return 0.0
        return now - since


def retry_stale_trials(
    study: Study, watch: StaleTrialDetector, max_retries: int
) -> list[FrozenTrial]:
    """Queue again what dead workers left; after `most` retries a trial has failed."""
    found = []
    for trial in watch.stale_trials(study):
        with suppress(UpdateFinishedTrialError):  # another worker was faster
            storage = study._storage
            storage.set_trial_user_attr(trial._trial_id, ERROR_ATTR, PROCESS_DIED)
            storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            found.append(_queue_again(study, trial, max_retries))
    return found


def _queue_again(study: Study, trial: FrozenTrial, max_retries: int) -> FrozenTrial:
    unsigned = copy.deepcopy(trial)
    for name in (WORKER_ATTR, HEARTBEAT_ATTR, ERROR_ATTR):
        unsigned.user_attrs.pop(name, None)
    with _no_warning():
        RetryHeartbeatStaleTrialCallback(max_retries, inherit_intermediate_values=True)(
            study, unsigned
        )
    return trial


@contextmanager
def _no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
