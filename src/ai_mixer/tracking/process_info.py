"""User, command and process of a run, and whether the process is alive."""

import getpass
import os
import shlex
import socket
import sys
from collections.abc import Mapping
from importlib.metadata import version

import psutil

from ai_mixer.tracking.schema import VERSION_TAG

HOST, PID, STARTED = "process.host", "process.pid", "process.started"
# The start time of a process changes when the clock is set. Within this tolerance a process id is
# rarely reused; if it is, a dead run counts as active, which does no harm.
CLOCK_TOLERANCE_S = 600.0


def user_and_source_tags() -> dict[str, str]:
    """Return user and command as MLflow's standard tags, and the version of MLflow."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # in a container, the user may have no name
        user = "unknown"
    return {
        "mlflow.user": user,
        "mlflow.source.name": shlex.join(sys.argv)[:5000] or "python",
        "mlflow.source.type": "LOCAL",
        VERSION_TAG: version("mlflow"),
    }


def process_tags() -> dict[str, str]:
    """Return tags of this process, so that no other process resumes its run meanwhile."""
    started = psutil.Process().create_time()  # process ids are reused
    return {HOST: socket.gethostname(), PID: str(os.getpid()), STARTED: f"{started:.2f}"}


def is_process_alive(tags: Mapping[str, str]) -> bool:
    """Return whether the process of these tags is alive on this machine; False for others."""
    if tags.get(HOST) != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(tags[PID]))
        same = abs(process.create_time() - float(tags[STARTED])) < CLOCK_TOLERANCE_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
