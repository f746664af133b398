"""Storage of studies: a file, PostgreSQL, or a gRPC proxy. The storage is also the queue.

`storage=journal` (a file in the folder of runs), `storage=postgresql` (the cluster of
`make services`), or a URL: `postgresql+psycopg://user@host/name`, `grpc://host:port`.
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

PROXY_TIMEOUT_S = 30.0  # for the first response of a proxy
MISSING_EXTRA = "needs the extra `scale`: pip install 'ai-mixer[scale]'"


def open_storage(storage: str, study: str, mlruns: str | Path, data: str | Path) -> "BaseStorage":
    """Open a storage by its name or URL; a journal file is created on first use.

    mlruns, data: the folders of runs and of data. ValueError or OSError (one line) if the storage
    is unknown or cannot be reached.
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
        f"storage={storage}: neither journal nor postgresql nor a URL such as "
        "postgresql+psycopg://user@host/name or grpc://host:port"
    )


def journal_file(study: str, mlruns: str | Path) -> Path:
    """Journal file of a study."""
    return Path(mlruns) / "sweeps" / f"{study}.journal"


def _journal(path: Path) -> "BaseStorage":
    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.resolve()
    lock = _FlockLock(path)
    _truncate_partial_line(path, lock)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))  # type: ignore[arg-type]


class _FlockLock:
    """Lock of Optuna's journal that the kernel releases when the process dies.

    Optuna's own locks are files: after a kill, other processes wait half a minute until they
    expire.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_suffix(".lock")
        self._file: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Release the lock."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _truncate_partial_line(path: Path, lock: _FlockLock) -> None:
    """Remove an incomplete last line, left by a kill or a power cut: Optuna stops reading at it."""
    if not path.is_file():
        return
    lock.acquire()
    try:
        text = path.read_bytes()
        complete = text.rfind(b"\n") + 1
        if complete < len(text):
            os.truncate(path, complete)
    finally:
        lock.release()


def _database(url: str) -> "BaseStorage":
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

    try:
        return RDBStorage(url)
    except ImportError as error:
        raise ValueError(f"storage={url}: {error}: {MISSING_EXTRA}") from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise ValueError(f"storage={url}: not a database URL: {error}") from error
    except OperationalError as error:
        first_line = str(error.orig).strip().splitlines()[0]
        raise ConnectionError(f"storage={url}: {first_line}") from error


def _proxy(url: str) -> "BaseStorage":
    """A gRPC server in front of a database, for hundreds of workers."""
    try:
        import grpc
        from optuna.storages import GrpcStorageProxy
    except ImportError as error:
        raise ValueError(f"storage={url}: {error}: {MISSING_EXTRA}") from error
    address = urlparse(url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        proxy = GrpcStorageProxy(host=address.hostname or "localhost", port=address.port or 13000)
    try:
        proxy.wait_server_ready(timeout=PROXY_TIMEOUT_S)
    except grpc.FutureTimeoutError as error:
        raise ConnectionError(f"storage={url}: no response within {PROXY_TIMEOUT_S:g} s") from error
    return proxy
