"""Folder of all runs: a SQLite database and the artifacts.

Many processes may write at once. The database is created under a temporary name and then linked,
so that no process opens it with incomplete tables. It uses write-ahead logging, with which readers
and writers do not block each other (https://www.sqlite.org/wal.html; needs a local disk).
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

from ai_mixer.tracking.schema import describe_schema_error

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DESCRIPTION_TAG = "mlflow.note.content"  # Markdown that the UI shows
DESCRIPTION = """\
Trainings of `ai_mixer`: each run is one training, or the parent of the trials of a sweep, the folds
of a cross-validation or the repeats with other seeds; its description says which.

| metrics | meaning |
|---|---|
| `train/…`, `val/…` | curves of the losses, and the knob skill of the validation songs |
| `best/…` | value of the weights that were kept |
| `initial/…` | value before a fine-tuning |
| `test/…` | tables of the held-out test songs; `_low` and `_high` are the ends of 95 % intervals |
| `eval/…` | the same of a later evaluation |
| `system/…` | load of the machine, on a tab of its own |

Skill: 0 is that of always predicting the mean knobs, 1 is exact. In a run's artifacts:
`listening/index.html`, `eval/tables.md`, `figures/`, `config.yaml` and the model.
"""
DEBUG_DESCRIPTION = """\
Runs of `debug=fast|overfit|profile`. They check that a training works; their metrics mean nothing.
"""
DEBUG_EXPERIMENT = "debug"  # of configs/debug
# Without the first tag, the UI opens its pages for chat applications.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
SERVER_FILE = "server"


class Store:
    """Storage of runs: `<folder>/mlflow.db` and `<folder>/artifacts/`.

    For several machines, a text file `<folder>/server` has the address of an MLflow server that is
    used instead of the database; the folder must be shared by all of them (docs/guides/scale.md).
    """

    def __init__(self, folder: str | Path = "mlruns") -> None:
        self.folder = Path(folder).resolve()
        self.database = self.folder / "mlflow.db"
        self.artifacts = self.folder / "artifacts"

    @cached_property
    def server(self) -> str | None:
        """Address of the MLflow server, if one is used."""
        file = self.folder / SERVER_FILE
        return file.read_text(encoding="utf-8").strip() if file.is_file() else None

    def check_local(self) -> None:
        """Raise ValueError if a server is used: its database cannot be changed from here."""
        if self.server is not None:
            raise ValueError(
                f"the runs of {self.folder} are on the server {self.server}: "
                "only runs in a local mlflow.db can be changed"
            )

    @property
    def uri(self) -> str:
        """MLflow's tracking URI."""
        return self.server or f"sqlite:///{self.database.as_posix()}"

    @property
    def exists(self) -> bool:
        """Whether there is a database or a server."""
        return self.server is not None or self.database.is_file()

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's client; creates the folder and the database on first use.

        ValueError (one line) if another version of MLflow wrote the database.
        """
        with _quiet():
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient

            if not self.exists:
                _create_database(self.database, self.artifacts)
            try:
                return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
            except MlflowException as error:
                line = None if self.server else describe_schema_error(self.database, self.uri)
                if line is None or "schema" not in str(error):
                    raise
                raise ValueError(line) from error

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, created if missing. ValueError if it was deleted."""
        from mlflow.exceptions import MlflowException

        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            try:
                text = DEBUG_DESCRIPTION if name == DEBUG_EXPERIMENT else DESCRIPTION
                tags = {**EXPERIMENT_TAGS, DESCRIPTION_TAG: text}
                return self.client.create_experiment(name, self._location(name), tags)
            except MlflowException:  # another process has just created it
                experiment = self.client.get_experiment_by_name(name)
                if experiment is None:
                    raise
        if experiment.lifecycle_stage == "deleted":
            raise ValueError(
                f"experiment {name!r} was deleted: restore it in the UI or choose "
                "another name, e.g. experiment_name=new"
            )
        return experiment.experiment_id

    def _location(self, name: str) -> str:
        safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
        return (self.artifacts / (safe.strip(".") or "experiment")).as_uri()


def _create_database(database: Path, artifacts: Path) -> None:
    """Create MLflow's tables; among several processes, the first one to finish is used."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    artifacts.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=database.parent, prefix=".new-") as folder:
        temporary = Path(folder) / database.name
        uri = f"sqlite:///{temporary.as_posix()}"
        store = SqlAlchemyStore(uri, artifacts.as_uri())  # type: ignore[no-untyped-call]
        store.engine.dispose()
        with closing(sqlite3.connect(temporary)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # stored in the file
        with suppress(FileExistsError):
            os.link(temporary, database)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide MLflow's messages about creating tables and its internal deprecation warnings."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        yield
