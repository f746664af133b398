"""Cross-validation: folds are children of one run, none is trained twice, metrics are means."""

import math
from collections import Counter

import pandas as pd
import pytest

from ai_mixer.cli.stages import train as train_stage
from ai_mixer.core.types import CONDITIONS
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.resume_points import find_resume_points, save_overrides
from ai_mixer.tracking.run import PARENT_TAG, artifact_folder
from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.training.cross_validation import cross_validate

SKILL = {"0/3": 0.1, "1/3": 0.2, "2/3": 0.6}


class FakeTraining:
    """Returns a run with metrics and tables; may be interrupted in a fold."""

    def __init__(self, stop_in=None, songs=3):
        self.stop_in, self.trained, self.overrides = stop_in, [], []
        self.songs = songs  # for the test, of each fold

    def __call__(self, cfg, defaults, overrides, choices, parent_id):
        fold, store = cfg.data.fold, Store(cfg.paths.mlruns)
        self.trained.append(fold)
        self.overrides.append(overrides)
        if cfg.ckpt_path:
            run = Run.resume(store, cfg.ckpt_path)
        else:
            run = Run.start(store, cfg.experiment_name, cfg.run_name, parent_id=parent_id)
        with run:
            save_overrides(run, overrides)
            run.log_params({"data": {"fold": fold}})
            run.log_text(f"song,split,audio\nx,train,{fold}\ny,test,0a\n", "split.csv")
            if fold == self.stop_in:
                raise KeyboardInterrupt
            records = pd.DataFrame(
                {"song_id": f"{fold} {song}", "genre": "rock", "condition": condition}
                | {"system": system, "error/low_eq": error, "error/delay": None}
                for song in range(self.songs)
                for condition in CONDITIONS
                for system, error in {"mean_knobs": 0.2, "model": 0.2 * (1 - SKILL[fold])}.items()
            )
            run.log_text(records.to_csv(index=False), "eval/records.csv")
            run.log_metrics({f"test_closeness_{name}": SKILL[fold] / 2 for name in CONDITIONS})
        return run


@pytest.fixture
def cfg(compose, quick_overrides, store):
    def composed(*overrides):
        return compose(*quick_overrides, f"paths.mlruns={store.folder}", "cv=3", *overrides)

    return composed


def run_folds(cfg, fake, overrides=("model=baseline_cnn", "cv=3")):
    return cross_validate(fake, cfg, cfg, list(overrides), {})


def test_parent_run_has_a_child_per_fold_and_mean_metrics(cfg, store):
    fake = FakeTraining()
    parent = run_folds(cfg(), fake)
    assert fake.trained == ["0/3", "1/3", "2/3"]
    assert fake.overrides[1] == ["model=baseline_cnn", "data.fold=1/3"]
    runs = child_runs(store, parent.id)
    assert [run.data.tags[PARENT_TAG] for run in runs] == [parent.id] * 3
    record = store.client.get_run(parent.id)
    assert record.info.status == "FINISHED"
    metrics = record.data.metrics
    # mean 0.3, s = 0.2646, t(0.975; 2) = 4.3027: ± 0.6572
    assert metrics["test_skill_blind"] == pytest.approx(0.3)
    assert metrics["test_skill_low_blind"] == pytest.approx(0.3 - 0.6572, abs=1e-3)
    assert metrics["test_skill_high_paired"] == pytest.approx(0.3 + 0.6572, abs=1e-3)
    assert metrics["test_closeness_blind"] == pytest.approx(0.15)
    folder = parent.artifact_dir / "eval"
    assert pd.read_csv(folder / "folds.csv")["fold"].nunique() == 3
    text = (folder / "tables.md").read_text()
    assert "Student's t with 2 degrees of freedom" in text
    assert "| headline | 0.30 [-0.36, 0.96], n = 9 |" in text
    assert "| closeness | 0.15 [-0.18, 0.48], n = 9 |" in text
    assert "| delay | – |" in text
    assert metrics["test_songs"] == 9
    description = record.data.tags["mlflow.note.content"]
    assert "`make train model=baseline_cnn cv=3`" in description
    assert "each child run is the training of one fold" in description


@pytest.mark.slow
def test_folds_of_one_song_give_a_mean_without_an_interval(cfg, store):
    """A fold alone would have no figure; the folds together have three songs."""
    parent = run_folds(cfg(), FakeTraining(songs=1))
    text = (parent.artifact_dir / "eval" / "tables.md").read_text()
    assert "| headline | 0.30, n = 3 |" in text
    metrics = store.client.get_run(parent.id).data.metrics
    assert metrics["test_skill_blind"] == pytest.approx(0.3)
    assert math.isnan(metrics["test_skill_low_blind"])


@pytest.mark.slow
def test_digest_of_the_songs_does_not_depend_on_the_folds(cfg, store):
    tags = run_folds(cfg(), FakeTraining()).tags
    assert tags["data.songs"] == "4"
    assert len(tags["data.digest"]) == 16


@pytest.mark.slow
def test_resumed_cross_validation_keeps_finished_folds(cfg, store):
    fake = FakeTraining(stop_in="1/3")
    with pytest.raises(KeyboardInterrupt):
        run_folds(cfg(), fake)
    (start, *_) = find_resume_points("last", store)
    record = store.client.get_run(start.run_id)
    assert (record.data.tags["cv"], record.info.status) == ("3", "KILLED")
    assert start.overrides == ("model=baseline_cnn", "cv=3")
    interrupted = {
        run.data.params["data.fold"]: run.info.run_id
        for run in child_runs(store, record.info.run_id)
    }
    resumed = FakeTraining()
    overrides = [*start.overrides, f"ckpt_path={start.run_id}"]
    parent = run_folds(cfg(f"ckpt_path={start.run_id}"), resumed, overrides)
    assert parent.id == start.run_id
    assert resumed.trained == ["1/3", "2/3"]
    assert f"ckpt_path={interrupted['1/3']}" in resumed.overrides[0]
    folds = Counter(run.data.params["data.fold"] for run in child_runs(store, parent.id))
    assert folds == {"0/3": 1, "1/3": 1, "2/3": 1}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["cv=2"], "cv=2: .*3"),
        (["cv=many"], "cv=many"),
        (["data.fold=0/3"], "cv=3 .*data.fold=0/3"),
        (["cv=9"], "9 folds: .*3"),
        (["trainer=ddp"], "cv=3 .*one process"),
    ],
)
def test_invalid_cross_validation_raises_before_a_run_is_created(cfg, store, overrides, message):
    with pytest.raises(ValueError, match=message):
        run_folds(cfg(*overrides), FakeTraining())
    assert not list(find_runs(store))


def test_missing_initial_weights_raise_before_a_run_is_created(cfg, store):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run_folds(cfg("init_from=nowhere"), FakeTraining())
    assert not list(find_runs(store))


def find_runs(store):
    experiments = [known.experiment_id for known in store.client.search_experiments()]
    return store.client.search_runs(experiments)


@pytest.mark.slow
def test_five_folds_test_every_song_once_and_share_no_group(command, quick_overrides, store):
    overrides = [*quick_overrides, f"paths.mlruns={store.folder}", "cv=5", "trainer.max_epochs=1"]
    command(train_stage, *overrides)
    (parent,) = [run for run in find_runs(store) if "cv" in run.data.tags]
    tested = []
    for run in child_runs(store, parent.info.run_id):
        songs = pd.read_csv(artifact_folder(run.info.artifact_uri) / "split.csv")
        assert songs.groupby("group")["split"].nunique().eq(1).all()
        tested += songs["song"][songs["split"] == "test"].tolist()
    assert len(tested) == len(set(tested)) == len(songs)
