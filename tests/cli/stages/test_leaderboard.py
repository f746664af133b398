"""From cross-validations to an ensemble and a page, as a user types it."""

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
    """A store with one cross-validation of three folds, and the words that say where things are."""
    folder = tmp_path_factory.mktemp("home")
    return folder, (f"paths.mlruns={folder / 'mlruns'}", f"paths.data={folder / 'data'}")


def typed(monkeypatch, main, *words):
    monkeypatch.setattr(sys, "argv", ["stage", *words])
    main()


def test_from_rows_to_a_page(home, songs_folder, monkeypatch, capsys):
    folder, where = home
    words = (*SMALL, *where, f"data.root={songs_folder}", "cv=3")
    typed(monkeypatch, train.main, *words, "seed=0")
    typed(monkeypatch, train.main, *words, "seed=1")
    store = Store(folder / "mlruns")
    runs = list_runs(store)
    parents = runs[runs["parent"].isna()]["run_id"].tolist()
    typed(monkeypatch, ensemble.main, f"runs={','.join(parents)}", where[0])
    runs = list_runs(store)
    joined = runs[runs["name"] == "weighted_ensemble, 3 folds"]["run_id"].item()
    made = child_runs(store, joined)
    folders = [artifact_folder(run.info.artifact_uri) for run in made]
    assert len(folders) == 3
    card = json.loads((folders[0] / "model.json").read_text())
    assert len(card["config"]["model"]["members"]) == 2
    assert set(card["calibration"]) == {"blind", "reference", "paired"}
    model = load_model(folders[0]).model
    torch.testing.assert_close(model.weights.sum(1), torch.ones(3, 10))

    folds = torch.stack([load_model(folder).model.weights for folder in folders])
    two = ",".join(str(artifact_folder(child_runs(store, p)[0].info.artifact_uri)) for p in parents)
    typed(
        monkeypatch,
        ensemble.main,
        f"runs={two}",
        "name=again",
        f"ensemble_weights_from={joined}",
        where[0],
    )
    again = list_runs(store).set_index("name")["run_id"]["again"]
    weights = load_model(find_run(again, folder / "mlruns")).model.weights
    torch.testing.assert_close(weights, folds.mean(0), atol=1e-5, rtol=0)
    with pytest.raises(SystemExit):
        typed(
            monkeypatch,
            ensemble.main,
            f"runs={two}",
            f"ensemble_weights_from={parents[0]}",
            where[0],
        )
    assert "BaselineCNN is no ensemble" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        typed(
            monkeypatch,
            ensemble.main,
            f"runs={','.join(parents)}",
            f"ensemble_weights_from={joined}",
            where[0],
        )
    assert "was learned on test songs of these folds" in capsys.readouterr().err

    killed = Run.start(store, "leaderboard", "killed, 3 folds", {FOLDS_TAG: "3"})
    killed.end("KILLED")  # before it wrote anything
    page = folder / "board.md"
    typed(
        monkeypatch,
        leaderboard.main,
        f"out={page}",
        "folds=3",
        "examples=30",
        where[0],
        "refined_entries=[small]",
    )
    text = page.read_text(encoding="utf-8")
    for row in ("mean_knobs", "ridge", "trees", "small", "small, refined", "weighted_ensemble"):
        assert f"| {row} |" in text
    assert text.startswith("# Board\n")  # a page says which of several it is
    assert "## Spread" in text
    assert "2 |" in text  # seeds of the row
    assert "make train" in text
    for table in ("knobs", "differences", "spread", "recipes"):
        assert (folder / f"board-{table}.csv").is_file()


def test_what_cannot_be(home, monkeypatch, capsys, tmp_path):
    _, where = home
    with pytest.raises(SystemExit):
        typed(monkeypatch, leaderboard.main, f"paths.mlruns={tmp_path}")
    assert "no finished cross-validation of 5 folds" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        typed(monkeypatch, ensemble.main, "runs=1a2b", where[0])
    assert "name two runs or more" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        typed(monkeypatch, leaderboard.main, "out=board.txt", where[0])
    assert "must end in .md" in capsys.readouterr().err
