"""Heartbeats of running trials, and detection of trials whose worker died."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from optuna import Study, Trial
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from ai_mixer.tracking.process_info import HOST, is_process_alive

WORKER_ATTR, HEARTBEAT_ATTR = "worker", "alive"  # user attributes of a trial
UNCLAIMED_TIMEOUT_S = 30.0  # a worker needs milliseconds between popping and claiming a trial


@contextmanager
def heartbeat(trial: Trial, interval_s: float) -> Iterator[None]:
    """Increment the trial's attribute `alive` in a thread while the block runs."""
    finished = threading.Event()

    def beat() -> None:
        beats = 0
        while not finished.wait(interval_s):
            beats += 1
            with suppress(UpdateFinishedTrialError):  # another worker considered it dead
                trial.set_user_attr(HEARTBEAT_ATTR, beats)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


class StaleTrialDetector:
    """Find running trials whose worker died.

    On this machine the worker's process is looked up. On other machines only heartbeats are
    visible: a trial is stale after `heartbeat_timeout_s` seconds without one, by the clock of this
    machine, so that clocks of two machines are never compared.
    """

    def __init__(self, heartbeat_timeout_s: float) -> None:
        self.heartbeat_timeout_s = heartbeat_timeout_s
        self._last_beats: dict[int, tuple[object, float]] = {}

    def stale_trials(self, study: Study) -> list[FrozenTrial]:
        """Running trials whose worker died."""
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [trial for trial in running if self._is_stale(trial)]

    def _is_stale(self, trial: FrozenTrial) -> bool:
        worker = trial.user_attrs.get(WORKER_ATTR, {})
        if worker.get(HOST) == socket.gethostname():
            return not is_process_alive(worker)
        timeout_s = self.heartbeat_timeout_s if worker else UNCLAIMED_TIMEOUT_S
        return self._since_last_beat_s(trial) > timeout_s

    def _since_last_beat_s(self, trial: FrozenTrial) -> float:
        beat = (trial.user_attrs.get(WORKER_ATTR), trial.user_attrs.get(HEARTBEAT_ATTR))
        now = time.monotonic()
        last, since = self._last_beats.setdefault(trial.number, (beat, now))
        if last != beat:
            self._last_beats[trial.number] = (beat, now)
            return 0.0
        return now - since
