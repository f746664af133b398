"""`make sweep` with real trainings: the best is reproduced, poor ones are pruned."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from ai_mixer.cli.stages import sweep as sweep_stage
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.tuning.objective import STATE_TAG, TRIAL_TAG
from ai_mixer.tuning.storage import open_storage
from ai_mixer.tuning.study import load_study, quiet_optuna

pytestmark = pytest.mark.slow

METRIC = "best_val_skill"
POOR = ["search=none", "sampler=grid", "optimizer.lr=1e-3,3.0"]  # trial 0, the default, and 1


def study_of(store, name="mine"):
    """The study, and the runs of its trials by number."""
    with quiet_optuna():
        study, study_config = load_study(
            open_storage("journal", name, store.folder, store.folder), name
        )
    runs = child_runs(store, study_config.parent)
    return study, {int(run.data.tags[TRIAL_TAG]): run for run in runs}


def run(stage, *overrides, **environment):
    """Run a stage in a new process; return its output."""
    process = subprocess.run(
        [sys.executable, "-m", f"ai_mixer.cli.stages.{stage}", *overrides],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout + process.stderr


def test_config_of_the_best_trial_reproduces_it(quick_overrides, store, tmp_path):
    """With the command in the config file: all metrics are equal, bit for bit."""
    overrides = ["study=mine", "trials=4", "workers=2", "render_top_k=0", "trainer.max_epochs=2"]
    paths = [f"paths.mlruns={store.folder}", f"output_dir={tmp_path}/experiment/sweep"]
    run("sweep", *quick_overrides, *overrides, *paths, OMP_NUM_THREADS="2")
    study, runs = study_of(store)
    best = runs[study.best_trial.number]
    assert best.data.metrics[METRIC] == study.best_value

    text = (tmp_path / "experiment" / "sweep" / "mine.yaml").read_text()
    command = re.search(r"# (OMP_NUM_THREADS=\S+) make train (.+)", text)
    threads, shown_overrides = command[1].partition("=")[2], shlex.split(command[2])
    assert (threads, shown_overrides) == (
        "1",
        ["experiment=sweep/mine"],
    )  # two workers share two threads
    local = [text for text in quick_overrides if text.startswith("paths.")]
    local += [f"paths.mlruns={store.folder}", "evaluate=null", "render=null"]
    printed = run(
        "train", "--config-dir", str(tmp_path), *shown_overrides, *local, OMP_NUM_THREADS=threads
    )
    repeated = store.client.get_run(re.search(r"run (\w+) \(mine\)", printed)[1])

    names = [name for name in best.data.metrics if not name.startswith("system/")]
    assert {METRIC, "val/loss", "train/loss"} <= set(names)
    for name in names:
        first, second = (
            [(point.step, point.value) for point in store.client.get_metric_history(i, name)]
            for i in (best.info.run_id, repeated.info.run_id)
        )
        assert first == second, name


def test_median_pruner_stops_a_training_after_an_epoch(command, quick_overrides, store):
    prune = [
        "pruner=median",
        "pruner.n_startup_trials=1",
        "pruner.n_warmup_steps=0",
        "render_top_k=0",
    ]
    paths = [f"paths.mlruns={store.folder}", f"output_dir={store.folder}/pages", "study=mine"]
    command(sweep_stage, *quick_overrides, *POOR, *prune, *paths)
    study, runs = study_of(store)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
    assert [len(trial.intermediate_values) for trial in study.trials] == [3, 1]
    assert runs[1].data.tags[STATE_TAG] == "pruned"
    assert runs[1].info.status == "FINISHED"  # not FAILED, and with a model
    assert (artifact_folder(runs[1].info.artifact_uri) / "model.safetensors").is_file()


def test_wilcoxon_pruner_stops_a_trial_after_some_folds(command, quick_overrides, store):
    """p < 0.1 needs four songs: 1 in 16 that all differ in the same direction."""
    prune = ["pruner=wilcoxon", "pruner.n_startup_steps=2", "cv=5", "trainer.max_epochs=1"]
    paths = [f"paths.mlruns={store.folder}", f"output_dir={store.folder}/pages", "study=mine"]
    command(sweep_stage, *quick_overrides, *POOR, *prune, *paths)
    study, runs = study_of(store)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
    good, bad = (child_runs(store, runs[number].info.run_id) for number in (0, 1))
    assert sorted(fold.data.tags["sweep.fold"] for fold in good) == [f"{n}/5" for n in range(5)]
    assert 3 <= len(bad) < 5
    mean = sum(fold.data.metrics[METRIC] for fold in good) / 5
    assert study.trials[0].value == pytest.approx(mean)
    assert runs[1].data.tags[STATE_TAG] == "pruned"
    default, poor = (trial.intermediate_values for trial in study.trials)
    assert set(default) == set(range(6))  # every song was validated once
    assert len(poor) >= 4
    # Higher is better in this study, so errors are reported with a negative sign.
    assert all(poor[song] < default[song] < 0 for song in poor)
