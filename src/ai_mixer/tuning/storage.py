"""Where a study is kept: a file, PostgreSQL, or a proxy before it. The storage is the queue.

The ladder, one word each: `storage=journal` (a file beside the runs), `storage=postgresql` (the
cluster of `make services`), or an address: `postgresql+psycopg://user@host/name`, `grpc://host:port`.
"""

import fcntl
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from ai_mixer.tuning.postgresql import database_url

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

PROXY_TIMEOUT_S = 30.0  # how long a proxy may take to answer at first
MISSING_EXTRA = "needs the extra `scale`: pip install 'ai-mixer[scale]'"


def open_storage(storage: str, study: str, mlruns: str | Path, data: str | Path) -> "BaseStorage":
    """The storage that a word asks for; a journal file is made on first use.

    mlruns, data: the folders of runs and of data. ValueError or OSError in one line if it is not
    to be had.
    """
    if storage == "journal":
        return _journal(journal_file(study, mlruns))
    if storage == "postgresql":
        return _database(database_url(Path(data)))
    kind = urlparse(storage).scheme
    if kind == "grpc":
        return _proxy(storage)
    if kind:
        return _database(storage)
    raise ValueError(
        f"storage={storage}: neither journal nor postgresql nor an address such as "
        "postgresql+psycopg://user@host/name or grpc://host:port"
    )


def journal_file(study: str, mlruns: str | Path) -> Path:
    """Where a study of that name lies by default."""
    return Path(mlruns) / "sweeps" / f"{study}.journal"


def _journal(path: Path) -> "BaseStorage":
    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.resolve()
    lock = _FlockLock(path)
    _truncate_partial_line(path, lock)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))  # type: ignore[arg-type]


class _FlockLock:
    """For Optuna's journal: the kernel lets go of it when a process dies.

    Optuna's own locks are files: after a kill everybody waits half a minute for them to expire.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_suffix(".lock")
        self._file: int | None = None

    def acquire(self) -> bool:
        """Wait until nobody else writes."""
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Let the next one write."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _truncate_partial_line(path: Path, lock: _FlockLock) -> None:
    """Cut off half a line that a kill or a power cut left: Optuna would read no further."""
    if not path.is_file():
        return
    lock.acquire()
    try:
        text = path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.truncate(path, whole)
    finally:
        lock.release()


def _database(url: str) -> "BaseStorage":
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

    try:
        return RDBStorage(url)
    except ImportError as error:
        raise ValueError(f"storage={url}: {error}: {MISSING_EXTRA}") from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise ValueError(f"storage={url}: is no address of a database: {error}") from error
    except OperationalError as error:
        first = str(error.orig).strip().splitlines()[0]
        raise ConnectionError(f"storage={url}: {first}") from error


def _proxy(url: str) -> "BaseStorage":
    """A server before a database, for hundreds of workers."""
    try:
        import grpc
        from optuna.storages import GrpcStorageProxy
    except ImportError as error:
        raise ValueError(f"storage={url}: {error}: {MISSING_EXTRA}") from error
    place = urlparse(url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        proxy = GrpcStorageProxy(host=place.hostname or "localhost", port=place.port or 13000)
    try:
        proxy.wait_server_ready(timeout=PROXY_TIMEOUT_S)
    except grpc.FutureTimeoutError as error:
        raise ConnectionError(f"storage={url}: nobody answers there") from error
    return proxy
