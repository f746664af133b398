"""Who started a run, how, in which process, and whether that process still writes it."""

import getpass
import os
import shlex
import socket
import sys
from collections.abc import Mapping

import psutil

HOST, PID, STARTED = "process.host", "process.pid", "process.started"
# A process's start is told by the clock, which may have been set since. Meanwhile a process id is
# hardly used again; if it is, a dead run passes for a living one, which does no harm.
CLOCK_TOLERANCE_S = 600.0


def user_and_source_tags() -> dict[str, str]:
    """Who and how, as MLflow's own pages show it."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = "unknown"
    return {
        "mlflow.user": user,
        "mlflow.source.name": shlex.join(sys.argv)[:5000] or "python",
        "mlflow.source.type": "LOCAL",
    }


def process_tags() -> dict[str, str]:
    """The process we are, so that nobody else resumes its run meanwhile."""
    started = psutil.Process().create_time()  # a process id alone is used again one day
    return {HOST: socket.gethostname(), PID: str(os.getpid()), STARTED: f"{started:.2f}"}


def is_process_alive(tags: Mapping[str, str]) -> bool:
    """Is the process of these tags alive on this machine? Of other machines nothing is known."""
    if tags.get(HOST) != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(tags[PID]))
        same = abs(process.create_time() - float(tags[STARTED])) < CLOCK_TOLERANCE_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
