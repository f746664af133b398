"""A PostgreSQL cluster in a folder of our own, from Debian's package `postgresql`.

It listens on a socket in that folder and nowhere else, so it needs no password. PostgreSQL refuses
to be run by root: root runs it as the user `postgres`, whom the package made.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

USER, DATABASE = "ai_mixer", "ai_mixer"
DRIVER = "postgresql+psycopg"
MAX_SOCKET_FOLDER_LENGTH = 107 - len("/.s.PGSQL.5432.lock")  # what the kernel allows
MISSING_POSTGRESQL = "needs PostgreSQL: apt-get install postgresql"


def cluster_folder(data: Path) -> Path:
    """Where `make services` keeps the cluster."""
    return (data / "postgresql").resolve()


def database_url(data: Path, database: str = DATABASE) -> str:
    """What SQLAlchemy calls it. ConnectionError where none was started."""
    folder = cluster_folder(data)
    if not (folder / "postmaster.pid").exists():
        raise ConnectionError(f"no PostgreSQL runs in {folder}: `make services` starts one")
    return f"{DRIVER}://{USER}@/{database}?host={folder}"


def start(data: Path) -> str:
    """Make the cluster if there is none, start it if it does not run. Returns its address.

    OSError in one line where that cannot be.
    """
    folder = cluster_folder(data)
    _check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "PG_VERSION").exists():
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        words = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-sync"]
        _run(["initdb", "--pgdata", str(folder), *words])
    if _run(["pg_ctl", "status", "--pgdata", str(folder)], check=False):
        only_here = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        log = ["--log", str(folder / "server.log")]
        _run(["pg_ctl", "start", "--wait", "--pgdata", str(folder), *log, "--options", only_here])
    for name in (DATABASE, "mlflow"):
        # An error means that it is there already.
        _run(["createdb", "--host", str(folder), "--username", USER, name], check=False)
    return database_url(data)


def stop(data: Path) -> None:
    """End it in good order; nothing happens if none runs."""
    folder = cluster_folder(data)
    if (folder / "postmaster.pid").exists():
        _run(["pg_ctl", "stop", "--wait", "--mode", "fast", "--pgdata", str(folder)])


def _check(folder: Path) -> None:
    if len(str(folder)) > MAX_SOCKET_FOLDER_LENGTH:
        raise OSError(f"{folder}: too long a path for a socket: give paths.data=/a/shorter/one")
    if _program("initdb") is None:
        raise OSError(MISSING_POSTGRESQL)


def _program(name: str) -> str | None:
    """Debian keeps most of them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


def _run(command: Sequence[str], check: bool = True) -> int:
    """Exit code of one of PostgreSQL's programs. OSError with its last words if `check`."""
    program = _program(command[0])
    if program is None:
        raise OSError(MISSING_POSTGRESQL)
    as_another = ["runuser", "--user", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*as_another, program, *command[1:]],
        cwd="/",
        stdout=subprocess.DEVNULL,  # a pipe would be inherited by the server, and never close
        stderr=subprocess.PIPE if command[0] != "pg_ctl" else subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if check and done.returncode:
        words = (done.stderr or "").strip().splitlines() or [f"exit code {done.returncode}"]
        raise OSError(f"{command[0]}: {words[-1]}")
    return done.returncode
