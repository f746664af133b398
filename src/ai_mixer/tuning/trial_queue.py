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

from ai_mixer.tracking.process_info import HOST, process_tags, still_writes
from ai_mixer.tuning.search_space import Param

WORKER, ALIVE, ERROR = "worker", "alive", "error"  # attributes of a trial
DIED = "its process died"
UNSIGNED_S = 30.0  # between taking a trial and signing it a worker needs milliseconds


def fill(study: Study, trials: int, first: Sequence[dict[str, Param]] = ()) -> int:
    """Queue as many as `trials` lacks; `first`: fixed values, in order. Returns how many."""
    missing = trials - len(counted(study))
    for values in first[: max(0, missing)]:
        study.enqueue_trial(dict(values))
    for _ in range(missing - len(first)):
        study.add_trial(create_trial(state=TrialState.WAITING))
    return max(0, missing)


def counted(study: Study) -> list[FrozenTrial]:
    """Every trial once: without those that died and were queued again."""
    trials = study.get_trials(deepcopy=False)
    again = {number for trial in trials for number in history(trial)}
    return [trial for trial in trials if trial.number not in again]


def failed(study: Study) -> list[FrozenTrial]:
    """Trials that were given up."""
    return [trial for trial in counted(study) if trial.state is TrialState.FAIL]


def unfinished(study: Study) -> list[FrozenTrial]:
    """Trials that wait or are being tried."""
    return study.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING))


def history(trial: FrozenTrial) -> list[int]:
    """Numbers of the dead trials that this one stands for, the first one first."""
    with _no_warning():
        return list(RetryHeartbeatStaleTrialCallback.retry_history(trial))


def origin(trial: FrozenTrial) -> int:
    """The number that a trial had before it died, or its own."""
    return next(iter(history(trial)), trial.number)


def take(study: Study, sampler: Callable[[int], BaseSampler] | None = None) -> Trial | None:
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
    trial.set_user_attr(WORKER, process_tags())
    return trial


@contextmanager
def signs_of_life(trial: Trial, every_s: float) -> Iterator[None]:
    """While the block runs, a thread counts in the trial's attribute `alive`."""
    over = threading.Event()

    def count() -> None:
        beats = 0
        while not over.wait(every_s):
            beats += 1
            with suppress(UpdateFinishedTrialError):  # we were taken for dead
                trial.set_user_attr(ALIVE, beats)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Watch:
    """Which running trials are nobody's any more.

    On this machine the process itself is looked for. Of other machines only the signs of life are
    seen: dead is who gave none for `grace_s` by our own clock, so no two clocks are compared.
    """

    def __init__(self, grace_s: float) -> None:
        self.grace_s = grace_s
        self._seen: dict[int, tuple[object, float]] = {}

    def dead(self, study: Study) -> list[FrozenTrial]:
        """The running trials whose worker is gone."""
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [trial for trial in running if self._is_dead(trial)]

    def _is_dead(self, trial: FrozenTrial) -> bool:
        worker = trial.user_attrs.get(WORKER, {})
        if worker.get(HOST) == socket.gethostname():
            return not still_writes(worker)
        return self._silent_s(trial) > (self.grace_s if worker else UNSIGNED_S)

    def _silent_s(self, trial: FrozenTrial) -> float:
        sign = (trial.user_attrs.get(WORKER), trial.user_attrs.get(ALIVE))
        now = time.monotonic()
        last, since = self._seen.setdefault(trial.number, (sign, now))
        if last != sign:
            self._seen[trial.number] = (sign, now)
            return 0.0
        return now - since


def retry_dead(study: Study, watch: Watch, most: int) -> list[FrozenTrial]:
    """Queue again what dead workers left; after `most` retries a trial has failed."""
    found = []
    for trial in watch.dead(study):
        with suppress(UpdateFinishedTrialError):  # another worker was faster
            storage = study._storage
            storage.set_trial_user_attr(trial._trial_id, ERROR, DIED)
            storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            found.append(_queue_again(study, trial, most))
    return found


def _queue_again(study: Study, trial: FrozenTrial, most: int) -> FrozenTrial:
    unsigned = copy.deepcopy(trial)
    for name in (WORKER, ALIVE, ERROR):
        unsigned.user_attrs.pop(name, None)
    with _no_warning():
        RetryHeartbeatStaleTrialCallback(most, inherit_intermediate_values=True)(study, unsigned)
    return trial


@contextmanager
def _no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
