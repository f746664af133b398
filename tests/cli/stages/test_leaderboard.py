"""Cross-validations, an ensemble of them, and the leaderboard page."""

import json
import sys

import pytest
import torch

from ai_mixer.cli.stages import ensemble, leaderboard, train
from ai_mixer.inference.predictor import load_model
from ai_mixer.tracking import Run, Store, find_run, list_runs
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.tracking.run_lookup import FOLDS_TAG, child_runs

SMALL = (
    *("experiment=leaderboard", "model=baseline_cnn", "model.channels=8", "model.features=16"),
    *("excerpt=1", "loader.examples_per_song=2", "loader.workers=0", "loader.batch_size=4"),
    *("loader.held_out_per_song=3", "loader.examples_per_epoch=8", "trainer.max_epochs=1"),
    *("data.near_duplicates=false", "callbacks.system_metrics=null", "run_name=small"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory, songs_folder):
    """Folder of a new store, and the overrides of its paths."""
    folder = tmp_path_factory.mktemp("home")
    return folder, (f"paths.mlruns={folder / 'mlruns'}", f"paths.data={folder / 'data'}")


def run_stage(monkeypatch, main, *overrides):
    monkeypatch.setattr(sys, "argv", ["stage", *overrides])
    main()


@pytest.mark.slow
def test_ensemble_and_leaderboard_of_cross_validations(home, songs_folder, monkeypatch, capsys):
    folder, paths = home
    overrides = (*SMALL, *paths, f"data.root={songs_folder}", "cv=3")
    run_stage(monkeypatch, train.main, *overrides, "seed=0")
    run_stage(monkeypatch, train.main, *overrides, "seed=1")
    store = Store(folder / "mlruns")
    runs = list_runs(store)
    parents = runs[runs["parent"].isna()]["run_id"].tolist()
    run_stage(monkeypatch, ensemble.main, f"runs={','.join(parents)}", paths[0])
    runs = list_runs(store)
    ensemble_id = runs[runs["name"] == "weighted_ensemble, 3 folds"]["run_id"].item()
    children = child_runs(store, ensemble_id)
    folders = [artifact_folder(run.info.artifact_uri) for run in children]
    assert len(folders) == 3
    card = json.loads((folders[0] / "model.json").read_text())
    assert len(card["config"]["model"]["members"]) == 2
    assert set(card["calibration"]) == {"blind", "reference", "paired"}
    model = load_model(folders[0]).model
    torch.testing.assert_close(model.weights.sum(1), torch.ones(3, 10))

    folds = torch.stack([load_model(folder).model.weights for folder in folders])
    two = ",".join(str(artifact_folder(child_runs(store, p)[0].info.artifact_uri)) for p in parents)
    run_stage(
        monkeypatch,
        ensemble.main,
        f"runs={two}",
        "name=fixed_weights",
        f"ensemble_weights_from={ensemble_id}",
        paths[0],
    )
    run_id = list_runs(store).set_index("name")["run_id"]["fixed_weights"]
    weights = load_model(find_run(run_id, folder / "mlruns")).model.weights
    torch.testing.assert_close(weights, folds.mean(0), atol=1e-5, rtol=0)
    with pytest.raises(SystemExit):
        run_stage(
            monkeypatch,
            ensemble.main,
            f"runs={two}",
            f"ensemble_weights_from={parents[0]}",
            paths[0],
        )
    assert "BaselineCNN" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_stage(
            monkeypatch,
            ensemble.main,
            f"runs={','.join(parents)}",
            f"ensemble_weights_from={ensemble_id}",
            paths[0],
        )
    assert f"ensemble_weights_from={ensemble_id}" in capsys.readouterr().err

    killed = Run.start(store, "leaderboard", "killed, 3 folds", {FOLDS_TAG: "3"})
    killed.end("KILLED")  # before it logged anything
    page = folder / "board.md"
    run_stage(
        monkeypatch,
        leaderboard.main,
        f"out={page}",
        "folds=3",
        "examples=30",
        paths[0],
        "refined_entries=[small]",
    )
    text = page.read_text(encoding="utf-8")
    for row in ("mean_knobs", "ridge", "trees", "small", "small, refined", "weighted_ensemble"):
        assert f"| {row} |" in text
    assert text.startswith("# Board\n")  # title of the file name
    assert "## Uncertainty" in text
    assert "2 |" in text  # seeds of the row
    assert "make train" in text
    for table in ("knobs", "differences", "spread", "recipes"):
        assert (folder / f"board-{table}.csv").is_file()


def test_invalid_overrides_are_errors(home, monkeypatch, capsys, tmp_path):
    _, paths = home
    with pytest.raises(SystemExit):
        run_stage(monkeypatch, leaderboard.main, f"paths.mlruns={tmp_path}")
    assert "no finished cross-validation of 5 folds" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_stage(monkeypatch, ensemble.main, "runs=1a2b", paths[0])
    assert "runs=1a2b" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_stage(monkeypatch, leaderboard.main, "out=board.txt", paths[0])
    assert "out=board.txt" in capsys.readouterr().err
