"""`seeds=3`: repeats are children of one run, none is trained twice, metrics are means."""

from functools import partial

import pandas as pd
import pytest

from ai_mixer.tracking import Run, Store, list_runs
from ai_mixer.tracking.aggregate import aggregate_runs
from ai_mixer.tracking.resume_points import find_resume_points, save_overrides
from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.training.cross_validation import cross_validate
from ai_mixer.training.seeds import train_seeds


class FakeTraining:
    """Returns a run whose blind skill is a tenth of the seed; may be interrupted in a seed."""

    def __init__(self, stop_in=None):
        self.stop_in, self.trained, self.overrides = stop_in, [], []

    def __call__(self, cfg, defaults, overrides, choices, parent_id, *, tags=None):
        store = Store(cfg.paths.mlruns)
        self.trained.append((cfg.seed, cfg.loader.seed, cfg.data.fold))
        self.overrides.append(overrides)
        if cfg.ckpt_path:
            run = Run.resume(store, cfg.ckpt_path)
        else:
            run = Run.start(store, cfg.experiment_name, cfg.run_name, tags, parent_id=parent_id)
        with run:
            save_overrides(run, overrides)
            run.log_params({"seed": cfg.seed, "data": {"fold": cfg.data.fold}})
            if cfg.seed == self.stop_in:
                raise KeyboardInterrupt
            records = pd.DataFrame(
                {"song_id": f"{cfg.data.fold} {song}", "genre": "rock", "condition": "blind"}
                | {"system": system, "error/low_eq": error}
                for song in range(3)
                for system, error in {"mean_knobs": 0.2, "model": 0.2 - cfg.seed / 50}.items()
            )
            run.log_text(records.to_csv(index=False), "eval/records.csv")
            metrics = {"test_skill_blind": cfg.seed / 10, "test_closeness_blind": 0.5}
            run.log_metrics({**metrics, "test_songs": 9})
        return run


@pytest.fixture
def cfg(compose, quick_overrides, store):
    def composed(*overrides):
        mlruns = f"paths.mlruns={store.folder}"
        return compose(*quick_overrides, mlruns, "seed=1", "seeds=3", *overrides)

    return composed


OVERRIDES = ["model=baseline_cnn", "seed=1", "seeds=3"]


def run_seeds(cfg, fake, overrides=OVERRIDES):
    return train_seeds(fake, cfg, cfg, list(overrides), {})


@pytest.mark.slow
def test_parent_run_has_a_child_per_seed_and_mean_metrics(cfg, store, capsys):
    fake = FakeTraining()
    parent = run_seeds(cfg(), fake)
    assert fake.trained == [(1, 1, None), (2, 2, None), (3, 3, None)]
    assert fake.overrides[1] == ["model=baseline_cnn", "seed=2"]
    record = store.client.get_run(parent.id)
    assert record.info.status == "FINISHED"
    metrics = record.data.metrics
    # mean 0.2, s = 0.1, t(0.975; 2) = 4.3027: ± 0.2484
    assert metrics["test_skill_blind"] == pytest.approx(0.2)
    assert metrics["test_skill_low_blind"] == pytest.approx(0.2 - 0.2484, abs=1e-3)
    assert metrics["test_skill_high_blind"] == pytest.approx(0.2 + 0.2484, abs=1e-3)
    assert metrics["test_songs"] == 9
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "model=baseline_cnn | 3 s" in x]
    assert "| 0.20 [-0.05, 0.45], n = 9 |" in line
    table = pd.read_csv(parent.artifact_dir / "eval/seeds.csv")
    assert table["metrics.test_skill_blind"].tolist() == [0.1, 0.2, 0.3]
    assert set(table["run_id"]) == {run.info.run_id for run in child_runs(store, parent.id)}
    description = record.data.tags["mlflow.note.content"]
    assert "seeds 1, 2, 3; each child run is one of them" in description
    assert "`make train model=baseline_cnn seed=1 seeds=3`" in description
    assert aggregate_runs(list_runs(store)).table["runs"].tolist() == ["3 seeds"]


@pytest.mark.slow
def test_resumed_seeds_keep_finished_ones(cfg, store):
    with pytest.raises(KeyboardInterrupt):
        run_seeds(cfg(), FakeTraining(stop_in=2))
    (start, *_) = find_resume_points("last", store)
    resumed = FakeTraining()
    overrides = [*start.overrides, f"ckpt_path={start.run_id}"]
    parent = run_seeds(cfg(f"ckpt_path={start.run_id}"), resumed, overrides)
    assert parent.id == start.run_id
    assert [seed for seed, *_ in resumed.trained] == [2, 3]
    assert resumed.overrides[0][-1].startswith("ckpt_path=")
    assert len(child_runs(store, parent.id)) == 3


@pytest.mark.slow
def test_seeds_of_a_cross_validation_train_every_fold(cfg, store):
    fake = FakeTraining()
    train = partial(cross_validate, fake)
    run_seeds(cfg("cv=3", "seeds=2"), train, ["seed=1", "seeds=2", "cv=3"])
    assert [(seed, fold) for seed, _, fold in fake.trained] == [
        (seed, f"{fold}/3") for seed in (1, 2) for fold in range(3)
    ]
    (row,) = aggregate_runs(list_runs(store)).table.to_dict("records")
    assert row["runs"] == "2 seeds × 3 folds"
    assert row["skill blind"] == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seeds=1"], "seeds=1: .*2 or more"),
        (["seeds=many"], "seeds=many"),
        (["trainer=ddp"], "seeds=3 .*one process"),
    ],
)
def test_invalid_number_of_seeds_raises_before_a_run_is_created(cfg, store, overrides, message):
    with pytest.raises(ValueError, match=message):
        run_seeds(cfg(*overrides), FakeTraining())
    assert list_runs(store).empty
