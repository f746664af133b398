"""Artifact URIs are updated after the folder of runs was moved or copied."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import torch

from ai_mixer.tracking.model_files import save_model
from ai_mixer.tracking.rewrite_artifact_uris import rewrite_artifact_uris
from ai_mixer.tracking.run import Run
from ai_mixer.tracking.run_lookup import find_run
from ai_mixer.tracking.store import Store

NAME = "any name/with: signs, Größe"


def trained(store: Store) -> Run:
    with Run.start(store, NAME) as run:
        card = {"config": {}, "knobs": [], "trained": []}
        save_model(run.artifact_dir, {"w": torch.ones(1)}, card)
        run.log_text("# eval", "eval/tables.md")
    return run


def download(store: Store, run_id: str, folder: Path) -> str:
    folder.mkdir()
    path = store.client.download_artifacts(run_id, "eval/tables.md", str(folder))
    return Path(path).read_text()


def test_uris_of_a_moved_folder_are_updated(store: Store, tmp_path: Path) -> None:
    trained(store)
    moved = tmp_path / "new folder"
    store.folder.rename(moved)
    with pytest.raises(FileNotFoundError):
        find_run("last", moved)

    assert rewrite_artifact_uris(moved) >= 2  # the experiment and its run
    assert find_run("last", moved).is_relative_to(moved)
    assert rewrite_artifact_uris(moved) == 0
    with Run.start(Store(moved), NAME) as run:
        assert run.artifact_dir.is_relative_to(moved)


def test_mlflow_reads_the_files_of_a_copy_from_the_copy(store: Store, tmp_path: Path) -> None:
    run = trained(store)
    copy = Store(shutil.copytree(store.folder, tmp_path / "a copy"))
    rewrite_artifact_uris(copy)
    next(copy.folder.rglob("tables.md")).write_text("# of the copy")
    paths = {info.path for info in copy.client.list_artifacts(run.id)}
    assert {"eval", "model.json", "model.safetensors"} <= paths
    assert download(copy, run.id, tmp_path / "one") == "# of the copy"
    assert download(Store(store.folder), run.id, tmp_path / "two") == "# eval"


def test_remote_uris_are_unchanged(store: Store) -> None:
    bucket = "s3://bucket/path/1"
    store.client.create_experiment("far away", bucket)
    rewrite_artifact_uris(store)
    with closing(sqlite3.connect(store.database)) as connection:
        uris = connection.execute("SELECT artifact_location FROM experiments").fetchall()
    assert (bucket,) in uris


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"mlflow\.db"):
        rewrite_artifact_uris(tmp_path)
