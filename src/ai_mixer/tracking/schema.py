"""A database of runs that another version of MLflow wrote: one line that says what to do."""

import sqlite3
import sys
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

VERSION_TAG = "mlflow_version"  # of each run


def describe_schema_error(database: Path, uri: str) -> str | None:
    """Describe why this version of MLflow cannot read a SQLite database; None if it can.

    An older database can be migrated, a newer one needs the version of MLflow that wrote it.
    """
    import mlflow.store.db_migrations

    found, writer = _read(database)
    if not found:
        return None
    migrations = Path(str(mlflow.store.db_migrations.__file__)).parent / "versions"
    installed = version("mlflow")
    if list(migrations.glob(f"{found}_*.py")):
        return (
            f"{database} was written by an older MLflow than {installed}: copy the file as a "
            f"backup, then migrate it: {sys.executable} -m mlflow db upgrade {uri}"
        )
    return (
        f"{database} was written by {writer}, which MLflow {installed} cannot read: install that "
        f"version: {sys.executable} -m pip install --upgrade mlflow"
    )


def _read(database: Path) -> tuple[str | None, str]:
    """Schema of a database, and the version of MLflow of its newest run."""
    found, writer = None, "a newer MLflow"
    with suppress(sqlite3.Error), closing(sqlite3.connect(database, timeout=20)) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        found = str(row[0]) if row else None
        row = connection.execute(
            "SELECT tags.value FROM tags JOIN runs USING (run_uuid) WHERE tags.key = ? "
            "ORDER BY runs.start_time DESC",
            (VERSION_TAG,),
        ).fetchone()
        if row:
            writer = f"MLflow {row[0]} (schema {found})"
        elif found:
            writer = f"a newer MLflow (schema {found})"
    return found, writer
