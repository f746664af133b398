"""MLflow's server over our runs."""

import json
import os
import socket
import sys
from typing import NoReturn

from ai_mixer.tracking.store import Store

# MLflow's "shared view": what the printed link shows of the runs. By itself it shows no figure.
SHARED_VIEW_NAME = "knob_skill"
SHARED_VIEW_STATE = {
    "selectedColumns": [
        "metrics.`best/val/skill`",
        "metrics.`test/skill_blind`",
        "metrics.`test/skill_reference`",
        "metrics.`test/skill_paired`",
        "params.`group.model`",
    ]
}


def serve(store: Store, host: str = "127.0.0.1", port: int = 5000) -> NoReturn:
    """Become MLflow's server: does not return.

    FileNotFoundError without runs, OSError if the port is not free; both in one line.
    """
    if not store.exists:
        raise FileNotFoundError(f"no run yet in {store.folder}: `make train` makes one")
    if store.server is not None:
        raise ValueError(f"these runs are kept by a server with pages of its own: {store.server}")
    _check_free(host, port)
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)]
    command += ["--backend-store-uri", store.uri]
    command += ["--default-artifact-root", store.artifacts.as_uri(), "--workers", "1"]
    # Background jobs are for its chat pages: nine processes we have no use for.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    sys.stdout.write(
        f"{_address(store, host, port)}\n"
        "A fresh browser opens other links on MLflow's chat pages: press `Model training`, top "
        "left, once. `Override saved view` keeps the columns.\n"
    )
    sys.stdout.flush()
    os.execv(sys.executable, command)


def _check_free(host: str, port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise OSError(f"{host}:{port}: {error.strerror}: choose another, PORT=5001") from error


def _address(store: Store, host: str, port: int) -> str:
    """The table of the newest experiment's runs (MLflow 3.17 heeds the link, not the tag)."""
    words = "workflowType=machine_learning"
    newest = store.client.search_experiments(max_results=1, order_by=["last_update_time DESC"])
    if not newest:
        return f"http://{host}:{port}/#/experiments?{words}"
    number = newest[0].experiment_id
    store.client.set_experiment_tag(
        number, f"mlflow.sharedViewState.{SHARED_VIEW_NAME}", json.dumps(SHARED_VIEW_STATE)
    )
    return f"http://{host}:{port}/#/experiments/{number}/runs?{words}&viewStateShareKey={SHARED_VIEW_NAME}"
