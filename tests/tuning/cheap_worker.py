"""A worker whose trials take milliseconds: `cheap_worker.py <storage> <study> <log>`.

Appends `<trial> <process>` to the log when a trial starts.
"""

import os
import sys
import time

import optuna

from ai_mixer.tuning.storage import open_storage
from ai_mixer.tuning.worker import WorkerSettings, run_worker


def main(storage, name, log):
    def objective(trial):
        with open(log, "a") as file:  # noqa: PTH123
            file.write(f"{trial.number} {os.getpid()}\n")
        time.sleep(0.2)
        return [trial.suggest_float("x", 0, 1)]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name=name, storage=open_storage(storage, name, ".", "."))
    run_worker(study, objective, WorkerSettings(poll_interval_s=0.2))


if __name__ == "__main__":
    main(*sys.argv[1:])
