import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ai_mixer.tracking.store import Store

WRITER = """
import sys
from ai_mixer.tracking import Run, Store
with Run.start(Store(sys.argv[1]), "crowd", name=sys.argv[2]) as run:
    for step in range(30):
        run.log_metrics({"loss": step, "worker": int(sys.argv[2])}, step)
"""


def python(code: str, *words: str, **env: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )


def test_lies_where_the_design_says(store: Store) -> None:
    experiment = store.client.get_experiment(store.experiment("any name/with: signs"))
    assert store.uri == f"sqlite:///{store.folder}/mlflow.db"
    assert experiment.artifact_location == (store.folder / "artifacts").as_uri() + (
        "/any_name_with__signs"
    )
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_an_experiment_is_made_once(store: Store) -> None:
    assert store.experiment("train") == store.experiment("train")


def test_a_deleted_experiment_says_the_way_out(store: Store) -> None:
    store.client.delete_experiment(store.experiment("train"))
    with pytest.raises(ValueError, match="restore it in the UI"):
        store.experiment("train")


def test_readers_do_not_wait_for_writers(store: Store) -> None:
    with closing(sqlite3.connect(store.database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_many_processes_start_at_once_on_no_database(tmp_path: Path) -> None:
    writers = [python(WRITER, str(tmp_path / "new"), str(n)) for n in range(2)]
    for writer in writers:
        out, err = writer.communicate(timeout=120)
        assert (writer.returncode, out, err) == (0, "", "")  # and not a word of chatter
    store = Store(tmp_path / "new")
    runs = store.client.search_runs([store.experiment("crowd")])
    assert sorted(run.data.metrics["worker"] for run in runs) == [0, 1]
    for run in runs:
        assert len(store.client.get_metric_history(run.info.run_id, "loss")) == 30
    assert sorted(p.name for p in store.folder.iterdir() if "mlflow.db-" not in p.name) == [
        "artifacts",
        "mlflow.db",
    ]


def test_mlflow_is_imported_late_and_phones_nobody() -> None:
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
