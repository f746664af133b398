"""One MLflow database made once and copied: making one takes seconds."""

import shutil
from pathlib import Path

import pytest

from ai_mixer.tracking.store import Store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("template"))
    assert store.client.get_experiment("0") is not None
    return store.database


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Store:
    folder = tmp_path / "my runs"
    folder.mkdir()
    shutil.copy(empty_database, folder / "mlflow.db")
    return Store(folder)
