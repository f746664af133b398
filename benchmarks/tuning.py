"""Overhead of a sweep over its trainings, and speedup by a second worker.

python benchmarks/tuning.py                      minutes, on an otherwise idle machine
python benchmarks/tuning.py model=enhanced_cnn   with any overrides of make sweep

Each sweep is run by its command in a temporary folder; with paths.data=FOLDER, the songs and cached
examples of an earlier sweep are used.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import optuna
import pandas as pd

from ai_mixer.tracking import Store
from ai_mixer.tracking.process_info import PID
from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.tuning.heartbeat import WORKER_ATTR
from ai_mixer.tuning.objective import TRIAL_TAG
from ai_mixer.tuning.storage import open_storage
from ai_mixer.tuning.study import load_study, quiet_optuna
from ai_mixer.utils.markdown import to_markdown

# Short trainings: examples are drawn and their features cached before anything is timed.
OVERRIDES = [
    *("data=band_small", "loader=cached", "loss=knobs_only", "trainer.max_epochs=3"),
    *("search=none", "optimizer.lr=tag(log,interval(1e-4,2e-3))", "render_top_k=0"),
]
TRIALS = 6


def main(overrides: list[str]) -> None:
    """Run sweeps with one and two workers and print a table."""
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        if not any(text.startswith("paths.data=") for text in overrides):
            _sweep(folder, "first", [*overrides, "trials=1"])  # synthesises and caches
        rows = {}
        for workers in (1, 2):
            study = f"workers-{workers}"
            _sweep(folder, study, [*overrides, f"trials={TRIALS}", f"workers={workers}"])
            rows[f"{workers}"] = _measure(folder, study, workers)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("workers")
    print(to_markdown(table.map("{:.2f}".format)))
    speedup = (table / table.loc["1"]).loc["2", "trials per minute"]
    print(f"\ntwo workers: {speedup:.2f} times the trials per minute of one")


def _sweep(folder: Path, study: str, overrides: list[str]) -> None:
    paths = [f"paths.{name}={folder / name}" for name in ("data", "mlruns", "outputs")]
    paths += [f"output_dir={folder / 'configs'}", f"study={study}"]
    command = [sys.executable, "-m", "ai_mixer.cli.stages.sweep", *OVERRIDES, *paths, *overrides]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _measure(folder: Path, name: str, workers: int) -> dict[str, float]:
    """Measure one study.

    overhead: seconds of a worker per trial outside of its run (including the part of a training
    before the run is created). trials per minute: while all workers are running, from each worker's
    first trial to its last. end to end: including the start of the workers. RuntimeError if a
    worker ran no trial, which would look like no speedup.
    """
    store = Store(folder / "mlruns")
    with quiet_optuna():
        study, study_config = load_study(open_storage("journal", name, store.folder, folder), name)
    runs = child_runs(store, study_config.parent)
    trained = {run.data.tags[TRIAL_TAG]: _seconds(run) for run in runs}
    trials = pd.DataFrame(
        {
            "worker": trial.user_attrs[WORKER_ATTR][PID],
            "start": trial.datetime_start,
            "end": trial.datetime_complete,
            "trained": trained[str(trial.number)],
        }
        for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    )
    by_worker = trials.groupby("worker")
    if len(by_worker) != workers:
        raise RuntimeError(f"only {len(by_worker)} of {workers} workers ran trials")
    busy_s = (by_worker["end"].max() - by_worker["start"].min()).dt.total_seconds()
    total_s = (trials["end"].max() - trials["start"].min()).total_seconds()
    return {
        "s per training": trials["trained"].mean(),
        "s overhead per trial": (busy_s.sum() - trials["trained"].sum()) / len(trials),
        "trials per minute": float((60 * by_worker.size() / busy_s).sum()),
        "end to end": 60 * len(trials) / total_s,
    }


def _seconds(run: Any) -> float:
    return (run.info.end_time - run.info.start_time) / 1000.0


if __name__ == "__main__":
    main(sys.argv[1:])
