"""Metrics of version 0.1.0 (`test/skill_blind`, `best/val/skill`) have current names when read."""

import math
import sys

import pytest
from omegaconf import OmegaConf

from ai_mixer.cli.stages import report
from ai_mixer.config.renamed import translate_composed, translate_overrides
from ai_mixer.config.renamed_metrics import translate_filter, translate_metric, translate_metrics
from ai_mixer.tracking import Run, list_runs
from ai_mixer.tracking.aggregate import aggregate_runs
from ai_mixer.training.cross_validation import _closeness
from ai_mixer.tuning.objective import TrialObjective
from ai_mixer.tuning.search_space import SearchSpace
from ai_mixer.tuning.storage import open_storage
from ai_mixer.tuning.study import StudyConfig, create_study, load_study, quiet_optuna

NAMES = {
    "best/val/skill": "best_val_skill",
    "data/skipped_songs": "data_skipped_songs",
    "eval/band_small-test/skill_blind": "eval_band_small-test_skill_blind",
    "initial/val/skill": "initial_val_skill",
    "test/skill_low_blind": "test_skill_low_blind",
    "train/loss": "train/loss",
    "val/skill": "val/skill",
    "system/cpu_utilization_percentage": "system/cpu_utilization_percentage",
}


@pytest.fixture
def store(store):
    """A run with the names of then and one with those of now."""
    for number, name in enumerate(("test/skill_blind", "test_skill_blind")):
        with Run.start(store, "train", name) as run:
            run.log_params({"lr": number, "group": {"data": "band"}})
            run.log_metrics({name: 0.2 + 0.1 * number, "val/skill": 0.5})
    return store


@pytest.mark.parametrize(("old", "new"), NAMES.items())
def test_a_name_is_translated_once(old, new):
    assert translate_metric(old) == new
    assert translate_metric(new) == new


def test_a_new_value_precedes_an_old_one():
    """A run of version 0.1.0 that was resumed later has both."""
    both = {"test_skill_blind": 0.3, "test/skill_blind": 0.2, "val/skill": 0.1}
    assert translate_metrics(both) == {"test_skill_blind": 0.3, "val/skill": 0.1}


def test_runs_are_listed_with_current_names(store):
    runs = list_runs(store)
    assert runs["metrics.test_skill_blind"].tolist() == pytest.approx([0.3, 0.2])
    assert "metrics.test/skill_blind" not in runs
    assert aggregate_runs(runs).table["skill blind"].tolist() == pytest.approx([0.3, 0.2])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["`test_skill_blind`", "`test/skill_blind`", "test_skill_blind"])
def test_a_filter_finds_runs_of_both_names(store, name):
    found = list_runs(store, where=f"metrics.{name} > 0.1 and metrics.`val/skill` > 0.1")
    assert found["metrics.test_skill_blind"].tolist() == pytest.approx([0.3, 0.2])  # newest first
    assert len(list_runs(store, where=f"metrics.{name} < 0.25")) == 1


def test_only_metrics_of_a_filter_are_renamed():
    kept = "params.x = 'test/a' and metrics.`val/skill` > 0.2 and attributes.status = 'FINISHED'"
    assert translate_filter(kept) == kept
    assert translate_filter('metrics."best/val/skill" > 0') == "metrics.`best_val_skill` > 0"


def test_report_answers_an_old_name_with_the_new_one(store, tmp_path, monkeypatch, capsys):
    places = [f"paths.mlruns={store.folder}", f"paths.outputs={tmp_path}"]
    where = 'where="metrics.`test/skill_blind` > 0.25"'
    monkeypatch.setattr(sys, "argv", ["report", *places, where])
    report.main()
    out, err = capsys.readouterr()
    new = 'where="metrics.`test_skill_blind` > 0.25"'
    assert f"warning: {where} is now {new}" in err.splitlines()
    assert "1 run |" in out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("maximize=[best/val/skill]", "maximize=[best_val_skill]"),
        ("minimize=['val/loss','test/mae_blind']", "minimize=['val/loss','test_mae_blind']"),
        ("data.root=/music/test/skill_blind", "data.root=/music/test/skill_blind"),
        ("callbacks.best.monitor=val/skill", "callbacks.best.monitor=val/skill"),
    ],
)
def test_objectives_in_overrides_are_translated(old, new):
    assert translate_overrides("sweep", [old]) == [new]


def test_objectives_in_a_config_file_are_translated(log):
    cfg = OmegaConf.create({"maximize": ["best/val/skill", "val/loss"], "seed": 0})
    assert translate_composed(cfg, "sweep").maximize == ["best_val_skill", "val/loss"]
    assert "a config file has old names: maximize" in log.text


def test_a_study_is_loaded_with_current_objectives(tmp_path):
    space = SearchSpace.parse(["optimizer.lr=interval(0.1,0.2)"]).to_json()
    old = StudyConfig([], ["maximize=[best/val/skill]"], space, ["best/val/skill"], [], None, "run")
    storage = open_storage("journal", "old", tmp_path, tmp_path)
    with quiet_optuna():
        create_study(storage, "old", old, 1, [])
    _, loaded = load_study(storage, "old")
    assert (loaded.maximize, loaded.minimize) == (["best_val_skill"], [])
    assert loaded.overrides == ["maximize=[best_val_skill]"]


def test_a_finished_trial_of_an_old_study_has_its_value(store):
    """A resumed sweep reads the runs of trials that ended before."""
    with Run.start(store, "train", "trial 0") as run:
        run.log_metrics({"best/val/skill": 0.25})
    study_config = StudyConfig([], [], {}, ["best_val_skill"], [], None, "run")
    objective = TrialObjective(lambda: run, "old", study_config, store)
    assert objective._values(run.id) == [0.25]


def test_folds_of_an_old_run_are_averaged(store):
    """A resumed cross-validation reads the runs of folds that ended before."""
    with Run.start(store, "train", "fold") as run:
        run.log_metrics({"test/closeness_blind": 0.25})
    closeness = _closeness(store.client.get_run(run.id))
    assert closeness["blind"] == 0.25
    assert math.isnan(closeness["paired"])
