"""A whole sweep in this process, with trainings of milliseconds: runs, artifacts, errors."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from ai_mixer.config.overrides import with_search_overrides
from ai_mixer.tracking.run import PARENT_TAG, artifact_folder
from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.tuning.objective import TRIAL_TAG
from ai_mixer.tuning.resume import with_study_overrides
from ai_mixer.tuning.runner import run_study

FAKE = Path(__file__).with_name("fake_sweep.py")


@pytest.fixture(scope="module")
def fake():
    spec = importlib.util.spec_from_file_location("fake_sweep", FAKE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run_sweep(compose, store, fake):
    """Factory: overrides → the study and the evaluated runs."""

    def run(*overrides):
        paths = [f"paths.mlruns={store.folder}", f"output_dir={store.folder}/configs"]
        overrides = [*paths, *overrides]
        resumed = any(text.startswith(("resume=", "attach_to=")) for text in overrides)
        overrides = (with_study_overrides if resumed else with_search_overrides)(overrides)
        evaluated = []
        cfg = compose(*overrides, page="sweep")
        study = run_study(cfg, overrides, fake.train, evaluated.append, lambda cfg: None, ["none"])
        return study, evaluated

    return run


LR = "optimizer.lr=tag(log,interval(1e-5,1e-2))"


def parent_of(store, study):
    return store.client.get_run(study.user_attrs["plan"]["parent"])


def test_parent_run_has_a_child_per_trial_and_the_best_three_are_evaluated(
    run_sweep, store, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    overrides = ["search=none", LR, "trials=4", "study=mine", "model=baseline_cnn"]
    study, evaluated = run_sweep(*overrides, "output_dir=null")
    assert [trial.state.name for trial in study.trials] == 4 * ["COMPLETE"]
    assert study.trials[0].params == {"optimizer.lr": 0.001}
    assert study.trials[0].value == pytest.approx(0.0)
    parent = parent_of(store, study)
    assert (parent.info.status, parent.info.run_name) == ("FINISHED", "mine")
    assert parent.data.metrics["best_val_skill"] == study.best_value
    runs = {run.data.tags[TRIAL_TAG]: run for run in child_runs(store, parent.info.run_id)}
    assert sorted(runs) == list("0123")
    for number, run in runs.items():
        assert run.data.metrics["best_val_skill"] == study.trials[int(number)].value
        assert run.data.tags[PARENT_TAG] == parent.info.run_id
        assert run.info.run_name == f"mine, trial {number}"
    best = sorted(study.trials, key=lambda trial: -trial.value)[:3]
    assert [run.tags[TRIAL_TAG] for run in evaluated] == [str(trial.number) for trial in best]
    folder = artifact_folder(parent.info.artifact_uri)
    assert {path.name for path in (folder / "sweep").iterdir()} == {
        *("trials.csv", "best.md", "mine.yaml"),
        *("history.png", "importance.png", "parallel.png"),
    }
    table = pd.read_csv(folder / "sweep" / "trials.csv")
    assert table["best_val_skill"].tolist() == [trial.value for trial in study.trials]
    config = OmegaConf.load(tmp_path / "outputs" / "configs" / "experiment" / "sweep" / "mine.yaml")
    assert config.optimizer.lr == study.best_params["optimizer.lr"]
    assert {"override /model": "baseline_cnn"} in config.defaults
    assert "make train experiment=sweep/mine" in parent.data.tags["mlflow.note.content"]
    assert "trial 0, the default" in capsys.readouterr().out


@pytest.mark.slow
def test_resume_adds_trials_and_repeats_none(run_sweep, store, fake):
    run_sweep("search=none", LR, "trials=2", "study=mine", "trainer.max_epochs=1")
    study, _ = run_sweep("resume=mine", "trials=5")
    assert len(study.trials) == len(child_runs(store, parent_of(store, study).info.run_id)) == 5
    log = (store.folder / "epochs.log").read_text().splitlines()
    assert [line.split()[0] for line in log] == list("01234")
    assert len(run_sweep("resume=last")[0].trials) == 5
    assert len(run_sweep("attach_to=mine")[0].trials) == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["resume=mine", "model.dropout=0.1,0.2"], "study mine: .*space"),
        (["resume=mine", "model=baseline_cnn"], "study mine: .*training_overrides"),
        (["resume=other"], "resume=other: .*: mine"),
        (["study=mine"], "study=mine exists: .*make sweep resume=mine"),
        (["resume=mine", "attach_to=mine"], "resume=.*attach_to="),
        (["study=../mine"], "study=../mine"),
    ],
)
def test_invalid_resume_raises(run_sweep, overrides, message):
    run_sweep("search=none", LR, "trials=1", "study=mine")
    with pytest.raises((ValueError, OSError), match=message):
        run_sweep(*overrides, *([] if "resume" in overrides[0] else ["search=none", LR]))


@pytest.mark.slow
def test_invalid_sweep_raises_before_a_run_is_created(run_sweep, store):
    for overrides, message in [
        (["pruner=median", "minimize=[val/perceptual]"], "pruning needs one objective"),
        (["sampler=grid"], "sampler=grid .*optimizer.lr"),
        (["trainer=ddp"], "trainer.devices=1"),
    ]:
        with pytest.raises(ValueError, match=message):
            run_sweep("search=none", LR, *overrides)
    experiments = [known.experiment_id for known in store.client.search_experiments()]
    assert len(store.client.search_runs(experiments)) == 0
    assert not list(store.folder.glob("sweeps/*.journal"))


@pytest.mark.slow
def test_grid_runs_each_point_once_and_the_default_first(run_sweep):
    overrides = ["search=none", "sampler=grid", "optimizer.lr=1e-4,1e-3", "model.dropout=0.1,0.2"]
    study, _ = run_sweep(*overrides, "trials=30")
    points = [
        (trial.params["optimizer.lr"], trial.params["model.dropout"]) for trial in study.trials
    ]
    assert points[0] == (0.001, 0.1)
    assert sorted(points) == [(1e-4, 0.1), (1e-4, 0.2), (0.001, 0.1), (0.001, 0.2)]


@pytest.mark.slow
def test_two_objectives_give_a_pareto_front(run_sweep, store):
    study, evaluated = run_sweep(
        "search=none", LR, "trials=8", "sampler=nsga2", "minimize=[val/perceptual]", "study=front"
    )
    front = {trial.number for trial in study.best_trials}
    assert {run.tags[TRIAL_TAG] for run in evaluated} <= {str(number) for number in front}
    text = (
        artifact_folder(parent_of(store, study).info.artifact_uri) / "sweep/best.md"
    ).read_text()
    assert "The Pareto front" in text
    assert "val/perceptual" in text


@pytest.mark.slow
def test_value_of_a_trial_is_the_mean_over_its_folds(run_sweep, store):
    study, evaluated = run_sweep(
        *("search=none", LR, "trials=2", "cv=3", "study=folds", "trainer.max_epochs=1")
    )
    assert evaluated == []  # models of folds are not evaluated
    (second, first) = child_runs(store, parent_of(store, study).info.run_id)
    for number, run in enumerate((first, second)):
        folds = child_runs(store, run.info.run_id)
        assert sorted(fold.data.tags["sweep.fold"] for fold in folds) == ["0/3", "1/3", "2/3"]
        values = [fold.data.metrics["best_val_skill"] for fold in folds]
        assert study.trials[number].value == pytest.approx(sum(values) / 3)
        assert run.data.metrics["best_val_skill"] == study.trials[number].value


@pytest.mark.slow
def test_failed_trials_are_recorded_in_the_table(run_sweep, store, monkeypatch):
    monkeypatch.setenv("FAKE_FAILS", "1,2")
    study, _ = run_sweep("search=none", LR, "trials=4", "study=mine")
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    folder = artifact_folder(parent_of(store, study).info.artifact_uri)
    errors = pd.read_csv(folder / "sweep" / "trials.csv")["error"]
    assert errors.dropna().tolist() == 2 * ["RuntimeError: no luck"]
