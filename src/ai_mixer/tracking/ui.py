"""Start MLflow's server for the runs."""

import json
import os
import signal
import subprocess
import sys

from ai_mixer.config.stage_command import stage_command
from ai_mixer.tracking.store import Store
from ai_mixer.utils.network import check_address

STOPS = tuple(getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n))
# MLflow's "shared view": columns shown by the printed link. By default there are no metrics.
SHARED_VIEW_NAME = "knob_skill"
SHARED_VIEW_STATE = {
    "selectedColumns": [
        "metrics.`best_val_skill`",
        "metrics.`test_skill_blind`",
        "metrics.`test_skill_reference`",
        "metrics.`test_skill_paired`",
        "params.`group.model`",
    ]
}


def serve(store: Store, host: str = "127.0.0.1", port: int = 5000) -> None:
    """Run MLflow's server until it ends or this process is interrupted.

    FileNotFoundError without runs, ValueError if they are on a server, OSError if the port is used.
    """
    if not store.exists:
        raise FileNotFoundError(
            f"no run yet in {store.folder}: `{stage_command('train')}` creates one"
        )
    if store.server is not None:
        raise ValueError(f"these runs are on a server, open {store.server} instead")
    check_address(host, port)
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)]
    command += ["--backend-store-uri", store.uri]
    command += ["--default-artifact-root", store.artifacts.as_uri(), "--workers", "1"]
    # Background jobs (nine processes) are only used by the pages for chat applications.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    sys.stdout.write(
        f"{_address(store, host, port)}\n"
        "Other links open MLflow's pages for chat applications in a new browser: press `Model "
        "training`, top left, once. `Override saved view` stores the columns.\n"
    )
    sys.stdout.flush()
    _run(command)


def _run(command: list[str]) -> None:
    """Run a server. SystemExit with its status if it fails.

    Its processes do not receive Ctrl-C of the terminal, at which each prints a traceback.
    """
    handlers = {number: signal.signal(number, signal.default_int_handler) for number in STOPS}
    server = subprocess.Popen(command, start_new_session=True)
    try:
        status = server.wait()
    except KeyboardInterrupt:
        _end(server)
        return
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if status:
        raise SystemExit(status)


def _end(server: "subprocess.Popen[bytes]") -> None:
    """Stop a server with its processes."""
    if hasattr(os, "killpg"):
        os.killpg(server.pid, signal.SIGTERM)
    else:
        server.terminate()
    server.wait()


def _address(store: Store, host: str, port: int) -> str:
    """Link to the runs of the newest experiment (MLflow 3.17 ignores the experiment's tag)."""
    root, query = f"http://{host}:{port}/#/experiments", "workflowType=machine_learning"
    newest = store.client.search_experiments(max_results=1, order_by=["last_update_time DESC"])
    if not newest:
        return f"{root}?{query}"
    experiment = newest[0].experiment_id
    store.client.set_experiment_tag(
        experiment, f"mlflow.sharedViewState.{SHARED_VIEW_NAME}", json.dumps(SHARED_VIEW_STATE)
    )
    return f"{root}/{experiment}/runs?{query}&viewStateShareKey={SHARED_VIEW_NAME}"
