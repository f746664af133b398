"""`make sweep` with real trainings: the best one can be made again, hopeless ones end early."""

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

FIGURE = "best/val/skill"
HOPELESS = ["search=none", "sampler=grid", "optimizer.lr=1e-3,3.0"]  # trial 0, the default, and 1


def study_of(store, name="mine"):
    """The study, and the runs of its trials by their number."""
    with quiet_optuna():
        study, plan = load_study(open_storage("journal", name, store.folder, store.folder), name)
    runs = child_runs(store, plan.parent)
    return study, {int(run.data.tags[TRIAL_TAG]): run for run in runs}


def run(stage, *words, **environment):
    """A stage in a process of its own; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", f"ai_mixer.cli.stages.{stage}", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_of_the_best_makes_the_best_again(quick_words, store, tmp_path):
    """By the command that stands on it: every point of every curve, bit for bit."""
    words = ["study=mine", "trials=4", "workers=2", "render_top_k=0", "trainer.max_epochs=2"]
    places = [f"paths.mlruns={store.folder}", f"output_dir={tmp_path}/experiment/sweep"]
    run("sweep", *quick_words, *words, *places, OMP_NUM_THREADS="2")
    study, runs = study_of(store)
    best = runs[study.best_trial.number]
    assert best.data.metrics[FIGURE] == study.best_value

    page = (tmp_path / "experiment" / "sweep" / "mine.yaml").read_text()
    command = re.search(r"# (OMP_NUM_THREADS=\S+) make train (.+)", page)
    threads, shown = command[1].partition("=")[2], shlex.split(command[2])
    assert (threads, shown) == ("1", ["experiment=sweep/mine"])  # two workers share two threads
    here = [word for word in quick_words if word.startswith("paths.")]
    here += [f"paths.mlruns={store.folder}", "evaluate=null", "render=null"]
    said = run("train", "--config-dir", str(tmp_path), *shown, *here, OMP_NUM_THREADS=threads)
    again = store.client.get_run(re.search(r"run (\w+) \(mine\)", said)[1])

    names = [name for name in best.data.metrics if not name.startswith("system/")]
    assert {FIGURE, "val/loss", "train/loss"} <= set(names)
    for name in names:
        first, second = (
            [(point.step, point.value) for point in store.client.get_metric_history(i, name)]
            for i in (best.info.run_id, again.info.run_id)
        )
        assert first == second, name


def test_median_ends_a_real_training_between_two_epochs(command, quick_words, store):
    prune = [
        "pruner=median",
        "pruner.n_startup_trials=1",
        "pruner.n_warmup_steps=0",
        "render_top_k=0",
    ]
    places = [f"paths.mlruns={store.folder}", f"output_dir={store.folder}/pages", "study=mine"]
    command(sweep_stage, *quick_words, *HOPELESS, *prune, *places)
    study, runs = study_of(store)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
    assert [len(trial.intermediate_values) for trial in study.trials] == [3, 1]
    assert runs[1].data.tags[STATE_TAG] == "pruned"
    assert runs[1].info.status == "FINISHED"  # in good order, with its model
    assert (artifact_folder(runs[1].info.artifact_uri) / "model.safetensors").is_file()


def test_wilcoxon_ends_a_trial_of_real_folds_that_is_worse_song_by_song(
    command, quick_words, store
):
    """Four songs are the fewest for p < 0.1: 1 in 16 that all differ in one direction."""
    prune = ["pruner=wilcoxon", "pruner.n_startup_steps=2", "cv=5", "trainer.max_epochs=1"]
    places = [f"paths.mlruns={store.folder}", f"output_dir={store.folder}/pages", "study=mine"]
    command(sweep_stage, *quick_words, *HOPELESS, *prune, *places)
    study, runs = study_of(store)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
    good, bad = (child_runs(store, runs[number].info.run_id) for number in (0, 1))
    assert sorted(fold.data.tags["sweep.fold"] for fold in good) == [f"{n}/5" for n in range(5)]
    assert 3 <= len(bad) < 5
    mean = sum(fold.data.metrics[FIGURE] for fold in good) / 5
    assert study.trials[0].value == pytest.approx(mean)
    assert runs[1].data.tags[STATE_TAG] == "pruned"
    default, hopeless = (trial.intermediate_values for trial in study.trials)
    assert set(default) == set(range(6))  # every song was validated once
    assert len(hopeless) >= 4
    # Higher is better for this study, so errors are told with the other sign.
    assert all(hopeless[song] < default[song] < 0 for song in hopeless)
