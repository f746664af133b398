"""Database, experiments and late import of MLflow."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from ai_mixer.tracking.run import Run
from ai_mixer.tracking.store import Store


def python(code: str, **env: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )


def test_database_artifacts_and_tag_of_an_experiment(store: Store) -> None:
    experiment = store.client.get_experiment(store.experiment("any name/with: signs"))
    assert store.uri == f"sqlite:///{store.folder}/mlflow.db"
    assert experiment.artifact_location == (store.folder / "artifacts").as_uri() + (
        "/any_name_with__signs"
    )
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert "`train/…`, `val/…`" in experiment.tags["mlflow.note.content"]


def test_experiment_of_debug_runs_says_so(store: Store) -> None:
    experiment = store.client.get_experiment(store.experiment("debug"))
    assert "their metrics mean nothing" in experiment.tags["mlflow.note.content"]


def test_an_experiment_is_created_once(store: Store) -> None:
    assert store.experiment("train") == store.experiment("train")


def test_a_deleted_experiment_is_an_error(store: Store) -> None:
    store.client.delete_experiment(store.experiment("train"))
    with pytest.raises(ValueError, match="experiment 'train'"):
        store.experiment("train")


def test_database_uses_write_ahead_logging(store: Store) -> None:
    with closing(sqlite3.connect(store.database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.slow
def test_mlflow_is_imported_late_and_without_telemetry() -> None:
    code = """
import sys
import ai_mixer.tracking
assert not {"mlflow", "pandas", "pytorch_lightning"} & set(sys.modules), "imported too early"
from mlflow.telemetry.utils import is_telemetry_disabled
from mlflow.telemetry import get_telemetry_client
assert is_telemetry_disabled() and get_telemetry_client() is None
"""
    process = python(code, CI="", PYTEST_CURRENT_TEST="", GITHUB_ACTIONS="")
    assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)


def set_schema(store: Store, revision: str) -> None:
    with closing(sqlite3.connect(store.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_an_older_database_is_one_line_with_the_command_that_migrates_it(store: Store) -> None:
    set_schema(store, "df50e92ffc5e")  # of MLflow 1.0
    with pytest.raises(ValueError, match="older MLflow") as error:
        store.client  # noqa: B018
    assert f"-m mlflow db upgrade sqlite:///{store.database}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("with_run", [True, False])
def test_a_newer_database_is_one_line_with_the_version_that_wrote_it(
    store: Store, with_run: bool
) -> None:
    if with_run:
        Run.start(store, "train").set_tags({"mlflow_version": "9.8.7"})
    copy = Store(store.folder / "copy")  # MLflow keeps the connection to the first one
    copy.folder.mkdir()
    connections = [sqlite3.connect(path) for path in (store.database, copy.database)]
    connections[0].backup(connections[1])
    for connection in connections:
        connection.close()
    set_schema(copy, "ffffffffffff")
    with pytest.raises(
        ValueError, match=r"MLflow 9\.8\.7" if with_run else "newer MLflow"
    ) as error:
        copy.client  # noqa: B018
    assert "ffffffffffff" in str(error.value) or not with_run
    assert "pip install --upgrade mlflow" in str(error.value)
