"""cv=3: children of one run, nothing trained twice, the mean over the folds."""

from collections import Counter

import pandas as pd
import pytest

from ai_mixer.cli.stages import train as train_stage
from ai_mixer.core.types import CONDITIONS
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.resume_points import find_resume_points, save_overrides
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.tracking.run_lookup import PARENT, child_runs
from ai_mixer.training.cross_validation import cross_validate

SKILL = {"0/3": 0.1, "1/3": 0.2, "2/3": 0.6}


class FakeTraining:
    """Leaves what a training leaves; may be stopped in a fold."""

    def __init__(self, stop_in=None):
        self.stop_in, self.trained, self.words = stop_in, [], []

    def __call__(self, cfg, defaults, words, choices, parent_id):
        fold, store = cfg.data.fold, Store(cfg.paths.mlruns)
        self.trained.append(fold)
        self.words.append(words)
        if cfg.ckpt_path:
            run = Run.resume(store, cfg.ckpt_path)
        else:
            run = Run.start(store, cfg.experiment_name, cfg.run_name, parent_id=parent_id)
        with run:
            save_overrides(run, words)
            run.log_params({"data": {"fold": fold}})
            if fold == self.stop_in:
                raise KeyboardInterrupt
            skills = {f"{name} skill": [SKILL[fold], None] for name in CONDITIONS}
            table = pd.DataFrame(skills, index=pd.Index(["headline", "delay"], name="knob"))
            run.log_text(table.to_csv(), "eval/knobs.csv")
            run.log_metrics({f"test/closeness_{name}": SKILL[fold] / 2 for name in CONDITIONS})
        return run


@pytest.fixture
def cfg(compose, quick_words, store):
    def made(*more):
        return compose(*quick_words, f"paths.mlruns={store.folder}", "cv=3", *more)

    return made


def validated(cfg, fake, words=("model=baseline_cnn", "cv=3")):
    return cross_validate(fake, cfg, cfg, list(words), {})


def test_children_of_one_run_and_their_mean(cfg, store):
    fake = FakeTraining()
    parent = validated(cfg(), fake)
    assert fake.trained == ["0/3", "1/3", "2/3"]
    assert fake.words[1] == ["model=baseline_cnn", "data.fold=1/3"]
    runs = child_runs(store, parent.id)
    assert [run.data.tags[PARENT] for run in runs] == [parent.id] * 3
    record = store.client.get_run(parent.id)
    assert record.info.status == "FINISHED"
    metrics = record.data.metrics
    # mean 0.3, s = 0.2646, t(0.975; 2) = 4.3027: ± 0.6572
    assert metrics["test/skill_blind"] == pytest.approx(0.3)
    assert metrics["test/skill_low_blind"] == pytest.approx(0.3 - 0.6572, abs=1e-3)
    assert metrics["test/skill_high_paired"] == pytest.approx(0.3 + 0.6572, abs=1e-3)
    assert metrics["test/closeness_blind"] == pytest.approx(0.15)
    folder = parent.artifact_dir / "eval"
    assert pd.read_csv(folder / "folds.csv")["fold"].nunique() == 3
    text = (folder / "tables.md").read_text()
    assert "Student's t with 2 degrees of freedom" in text
    assert "| headline | 0.30 [-0.36, 0.96] |" in text
    assert "| delay | – |" in text
    assert "`make train model=baseline_cnn cv=3`" in record.data.tags["mlflow.note.content"]


def test_stopped_in_the_middle_finished_folds_stay(cfg, store):
    fake = FakeTraining(stop_in="1/3")
    with pytest.raises(KeyboardInterrupt):
        validated(cfg(), fake)
    (start, *_) = find_resume_points("last", store)
    record = store.client.get_run(start.run_id)
    assert (record.data.tags["cv"], record.info.status) == ("3", "KILLED")
    assert start.words == ("model=baseline_cnn", "cv=3")
    cut_off = {
        run.data.params["data.fold"]: run.info.run_id
        for run in child_runs(store, record.info.run_id)
    }
    again = FakeTraining()
    words = [*start.words, f"ckpt_path={start.run_id}"]
    parent = validated(cfg(f"ckpt_path={start.run_id}"), again, words)
    assert parent.id == start.run_id
    assert again.trained == ["1/3", "2/3"]
    assert f"ckpt_path={cut_off['1/3']}" in again.words[0]
    folds = Counter(run.data.params["data.fold"] for run in child_runs(store, parent.id))
    assert folds == {"0/3": 1, "1/3": 1, "2/3": 1}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cv=2"], "cv=2: a number of folds, 3 or more"),
        (["cv=many"], "cv=many: a number of folds"),
        (["data.fold=0/3"], "cv=3 runs all folds: leave data.fold=0/3 out"),
        (["cv=9"], "9 folds: needs at least 3, and no more than there are artists"),
        (["trainer=ddp"], "cv=3 trains in one process"),
    ],
)
def test_what_is_wrong_is_said_before_a_run_is_opened(cfg, store, words, message):
    with pytest.raises(ValueError, match=message):
        validated(cfg(*words), FakeTraining())
    assert not list(find_runs(store))


def test_weights_that_are_nowhere_are_missed_before_a_run_is_opened(cfg, store):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        validated(cfg("init_from=nowhere"), FakeTraining())
    assert not list(find_runs(store))


def find_runs(store):
    experiments = [known.experiment_id for known in store.client.search_experiments()]
    return store.client.search_runs(experiments)


@pytest.mark.slow
def test_five_real_folds_test_every_song_once_and_leak_no_group(command, quick_words, store):
    words = [*quick_words, f"paths.mlruns={store.folder}", "cv=5", "trainer.max_epochs=1"]
    said = command(train_stage, *words)
    assert "Mean over 5 folds" in said
    (parent,) = [run for run in find_runs(store) if "cv" in run.data.tags]
    tested = []
    for run in child_runs(store, parent.info.run_id):
        songs = pd.read_csv(artifact_folder(run.info.artifact_uri) / "split.csv")
        assert songs.groupby("group")["split"].nunique().eq(1).all()
        tested += songs["song"][songs["split"] == "test"].tolist()
    assert len(tested) == len(set(tested)) == len(songs)
