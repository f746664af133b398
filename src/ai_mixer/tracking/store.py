"""The folder all runs live in: a SQLite database and the artifacts beside it.

Many processes may write at once. The database is born under a temporary name and linked into
place, so nobody ever sees half of its tables; it is kept in write-ahead mode, in which readers and
writers do not wait for each other (https://www.sqlite.org/wal.html; needs a local disk).
"""

import logging
import os
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# Without it the UI opens on its pages for chat applications.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


SERVER_FILE = "server"


class Store:
    """Where runs are kept: `<folder>/mlflow.db` and `<folder>/artifacts/`.

    For many machines a text file `<folder>/server` names an MLflow server that keeps the runs in
    the database's place; the folder is then one that all of them see (docs/scale.md).
    """

    def __init__(self, folder: str | Path = "mlruns") -> None:
        self.folder = Path(folder).resolve()
        self.database = self.folder / "mlflow.db"
        self.artifacts = self.folder / "artifacts"

    @cached_property
    def server(self) -> str | None:
        """The address of the server that keeps the runs, if one does."""
        file = self.folder / SERVER_FILE
        return file.read_text(encoding="utf-8").strip() if file.is_file() else None

    def check_local(self) -> None:
        """ValueError where a server keeps the runs: its database is not ours to mend."""
        if self.server is not None:
            raise ValueError(
                f"the runs of {self.folder} are kept by {self.server}: "
                "only runs in a mlflow.db beside their artifacts can be mended from here"
            )

    @property
    def uri(self) -> str:
        """What MLflow calls the tracking URI."""
        return self.server or f"sqlite:///{self.database.as_posix()}"

    @property
    def exists(self) -> bool:
        """Whether any run was ever started here."""
        return self.server is not None or self.database.is_file()

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's client; makes the folder and the database on first use."""
        with _quiet():
            from mlflow.tracking import MlflowClient

            if not self.exists:
                _create_database(self.database, self.artifacts)
            return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def experiment(self, name: str) -> str:
        """Id of the experiment called `name`, made if needed. ValueError if it was deleted."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return self.client.create_experiment(name, self._location(name), EXPERIMENT_TAGS)
            except MlflowException:  # another process was faster
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            raise ValueError(
                f"experiment {name!r} is in MLflow's bin: restore it in the UI or choose "
                "another name, e.g. experiment_name=new"
            )
        return found.experiment_id

    def _location(self, name: str) -> str:
        safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
        return (self.artifacts / (safe.strip(".") or "experiment")).as_uri()


def _create_database(database: Path, artifacts: Path) -> None:
    """Make MLflow's tables; if several processes do so at once, the first one wins."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    artifacts.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=database.parent, prefix=".new-") as folder:
        draft = Path(folder) / database.name
        uri = f"sqlite:///{draft.as_posix()}"
        store = SqlAlchemyStore(uri, artifacts.as_uri())  # type: ignore[no-untyped-call]
        store.engine.dispose()
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # stays with the file
        with suppress(FileExistsError):
            os.link(draft, database)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what importing MLflow says about itself: table making, deprecations inside it."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        yield
