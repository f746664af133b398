"""Mend the addresses of artifacts after the folder of runs was moved or copied.

MLflow stores them absolute, as `<artifacts>/<experiment>` and
`<artifacts>/<experiment>/<run>/artifacts`.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlparse

from ai_mixer.tracking.store import Store

# Table, column, and how many last parts of an address stay the same.
_URI_COLUMNS = (("experiments", "artifact_location", 1), ("runs", "artifact_uri", 3))


def rewrite_artifact_uris(store: Store | str | Path = "mlruns") -> int:
    """Point every experiment and run at the artifacts lying here. Returns how many had moved.

    FileNotFoundError if the folder holds no runs.
    """
    store = store if isinstance(store, Store) else Store(store)
    if not store.exists:
        raise FileNotFoundError(f"no runs in {store.folder}: name the folder mlflow.db lies in")
    store.check_local()
    root, moved = store.artifacts.as_uri(), 0
    with closing(sqlite3.connect(store.database, timeout=20)) as connection, connection:
        for table, column, parts in _URI_COLUMNS:
            for (old,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
                if urlparse(old).scheme not in {"", "file"}:
                    continue  # not on this machine's disks
                new = "/".join([root, *old.rstrip("/").split("/")[-parts:]])
                if new != old:
                    moved += connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old)
                    ).rowcount
    return moved
