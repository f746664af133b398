"""Update the artifact URIs after the folder of runs was moved or copied.

MLflow stores absolute URIs: `<artifacts>/<experiment>` and
`<artifacts>/<experiment>/<run>/artifacts`.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlparse

from ai_mixer.tracking.store import Store

# Table, column, and the number of trailing parts of a URI that do not change.
_URI_COLUMNS = (("experiments", "artifact_location", 1), ("runs", "artifact_uri", 3))


def rewrite_artifact_uris(store: Store | str | Path = "mlruns") -> int:
    """Update the URIs of all experiments and runs. Returns the number of changed ones.

    FileNotFoundError if the folder has no runs, ValueError if they are on a server.
    """
    store = store if isinstance(store, Store) else Store(store)
    if not store.exists:
        raise FileNotFoundError(f"no runs in {store.folder}: give the folder of mlflow.db")
    store.check_local()
    root, changed = store.artifacts.as_uri(), 0
    with closing(sqlite3.connect(store.database, timeout=20)) as connection, connection:
        for table, column, parts in _URI_COLUMNS:
            for (old,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
                if urlparse(old).scheme not in {"", "file"}:
                    continue  # not on a local disk
                new = "/".join([root, *old.rstrip("/").split("/")[-parts:]])
                if new != old:
                    changed += connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old)
                    ).rowcount
    return changed
