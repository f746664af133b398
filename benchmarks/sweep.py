"""What a sweep costs beside its trainings, and what a second worker brings.

python benchmarks/sweep.py                      on a machine that does nothing else: minutes
python benchmarks/sweep.py model=enhanced_cnn   any word of make sweep fits

Each sweep is made by the command a user would give, in a folder that is removed again; with
paths.data=FOLDER of a sweep before, its songs are taken, and what was kept of them.
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

# Short trainings, but real ones: examples are drawn and heard once, before the clock runs.
OVERRIDES = [
    *("data=band_small", "loader=cached", "loss=knobs_only", "trainer.max_epochs=3"),
    *("search=none", "optimizer.lr=tag(log,interval(1e-4,2e-3))", "listen=0"),
]
TRIALS = 6


def main(overrides: list[str]) -> None:
    """Sweeps of one and of two workers, and a table of both."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if not any(word.startswith("paths.data=") for word in overrides):
            _sweep(folder, "first", [*overrides, "trials=1"])  # composes songs, keeps the examples
        rows = {}
        for workers in (1, 2):
            study = f"workers-{workers}"
            _sweep(folder, study, [*overrides, f"trials={TRIALS}", f"workers={workers}"])
            rows[f"{workers}"] = _figures(folder, study, workers)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("workers")
    print(to_markdown(table.map("{:.2f}".format)))
    times = table / table.loc["1"]
    print(
        f"\ntwo workers: {times.loc['2', 'trials a minute']:.2f} times the trials a minute of one"
    )


def _sweep(folder: Path, study: str, overrides: list[str]) -> None:
    places = [f"paths.{name}={folder / name}" for name in ("data", "mlruns", "outputs")]
    places += [f"pages={folder / 'pages'}", f"study={study}"]
    command = [sys.executable, "-m", "ai_mixer.cli.stages.sweep", *OVERRIDES, *places, *overrides]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _figures(folder: Path, name: str, workers: int) -> dict[str, float]:
    """Of one study.

    driver: seconds of a worker for each trial in which no training's run was open. What a training
    does before it opens its run counts as the driver's, too. trials a minute: while all workers
    are at work, from a worker's first trial to its last; from end to end: with a worker's start.
    RuntimeError if a worker did not work: its place would be counted as no gain.
    """
    store = Store(folder / "mlruns")
    with quiet_optuna():
        study, plan = load_study(open_storage("journal", name, store.folder, folder), name)
    trained = {run.data.tags[TRIAL_TAG]: _seconds(run) for run in child_runs(store, plan.parent)}
    trials = pd.DataFrame(
        {
            "worker": trial.user_attrs[WORKER_ATTR][PID],
            "start": trial.datetime_start,
            "end": trial.datetime_complete,
            "trained": trained[str(trial.number)],
        }
        for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    )
    mine = trials.groupby("worker")
    if len(mine) != workers:
        raise RuntimeError(f"{workers} workers were asked for, {len(mine)} worked")
    busy = (mine["end"].max() - mine["start"].min()).dt.total_seconds()
    whole = (trials["end"].max() - trials["start"].min()).total_seconds()
    return {
        "s a training": trials["trained"].mean(),
        "s of the driver a trial": (busy.sum() - trials["trained"].sum()) / len(trials),
        "trials a minute": float((60 * mine.size() / busy).sum()),
        "from end to end": 60 * len(trials) / whole,
    }


def _seconds(run: Any) -> float:
    return (run.info.end_time - run.info.start_time) / 1000.0


if __name__ == "__main__":
    main(sys.argv[1:])
