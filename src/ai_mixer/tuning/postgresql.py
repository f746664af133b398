"""A PostgreSQL cluster in a folder of the project, with Debian's package `postgresql`.

It listens only on a socket in that folder, so it needs no password. PostgreSQL does not run as
root: root runs it as the package's user `postgres`.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ai_mixer.config.stage_command import stage_command

USER, DATABASE = "ai_mixer", "ai_mixer"
DRIVER = "postgresql+psycopg"
MAX_SOCKET_FOLDER_LENGTH = 107 - len("/.s.PGSQL.5432.lock")  # the kernel's limit
MISSING_POSTGRESQL = "needs PostgreSQL: apt-get install postgresql"


def cluster_folder(data: Path) -> Path:
    """Folder of the cluster that `make services` starts."""
    return (data / "postgresql").resolve()


def database_url(data: Path, database: str = DATABASE) -> str:
    """URL of a database for SQLAlchemy. ConnectionError if the cluster is not running."""
    folder = cluster_folder(data)
    if not (folder / "postmaster.pid").exists():
        raise ConnectionError(
            f"no PostgreSQL is running in {folder}: run `{stage_command('services')}`"
        )
    return f"{DRIVER}://{USER}@/{database}?host={folder}"


def start(data: Path) -> str:
    """Create the cluster if necessary and start it if it is not running. Return its URL.

    OSError (one line) if that fails.
    """
    folder = cluster_folder(data)
    _check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "PG_VERSION").exists():
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        options = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-sync"]
        _run(["initdb", "--pgdata", str(folder), *options])
    if _run(["pg_ctl", "status", "--pgdata", str(folder)], check=False):
        socket_only = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        log = ["--log", str(folder / "server.log")]
        _run(["pg_ctl", "start", "--wait", "--pgdata", str(folder), *log, "--options", socket_only])
    for name in (DATABASE, "mlflow"):
        # An error means that the database exists.
        _run(["createdb", "--host", str(folder), "--username", USER, name], check=False)
    return database_url(data)


def stop(data: Path) -> None:
    """Shut the cluster down if it is running."""
    folder = cluster_folder(data)
    if (folder / "postmaster.pid").exists():
        _run(["pg_ctl", "stop", "--wait", "--mode", "fast", "--pgdata", str(folder)])


def _check(folder: Path) -> None:
    if len(str(folder)) > MAX_SOCKET_FOLDER_LENGTH:
        raise OSError(f"{folder}: path too long for a socket: set paths.data=/a/shorter/path")
    if _program("initdb") is None:
        raise OSError(MISSING_POSTGRESQL)


def _program(name: str) -> str | None:
    """Path of one of PostgreSQL's programs; on Debian most of them are not in the PATH."""
    files = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(files[-1]) if files else shutil.which(name)


def _run(command: Sequence[str], check: bool = True) -> int:
    """Run one of PostgreSQL's programs and return its exit code.

    OSError with its last line of output if `check` is set and it fails.
    """
    program = _program(command[0])
    if program is None:
        raise OSError(MISSING_POSTGRESQL)
    as_postgres = ["runuser", "--user", "postgres", "--"] if os.geteuid() == 0 else []
    process = subprocess.run(
        [*as_postgres, program, *command[1:]],
        cwd="/",
        stdout=subprocess.DEVNULL,  # the server would inherit a pipe and keep it open
        stderr=subprocess.PIPE if command[0] != "pg_ctl" else subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if check and process.returncode:
        lines = (process.stderr or "").strip().splitlines() or [f"exit code {process.returncode}"]
        raise OSError(f"{command[0]}: {lines[-1]}")
    return process.returncode
