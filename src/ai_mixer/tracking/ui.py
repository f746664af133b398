"""MLflow's web pages over our runs: `python -m ai_mixer.tracking.ui --port 5000`."""

import argparse
import os
import sys
from typing import NoReturn

from ai_mixer.tracking.store import Store


def serve(store: Store, host: str = "127.0.0.1", port: int = 5000) -> NoReturn:
    """Become MLflow's server: does not return."""
    assert store.client  # makes the database: the server would put artifacts where it was started
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)]
    command += ["--backend-store-uri", store.uri]
    command += ["--default-artifact-root", store.artifacts.as_uri(), "--workers", "1"]
    # Background jobs are for its chat pages: nine processes we have no use for.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    sys.stdout.write(
        f"{_address(store, host, port)}\n"
        "A fresh browser opens other links on MLflow's chat pages: "
        "press `Model training`, top left, once.\n"
    )
    sys.stdout.flush()
    os.execv(sys.executable, command)


def _address(store: Store, host: str, port: int) -> str:
    """The table of the newest experiment's runs (MLflow 3.17 heeds the link, not the tag)."""
    newest = store.client.search_experiments(max_results=1, order_by=["last_update_time DESC"])
    page = f"/{newest[0].experiment_id}/runs" if newest else ""
    return f"http://{host}:{port}/#/experiments{page}?workflowType=machine_learning"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", default="mlruns", help="folder of runs (default: mlruns)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    words = parser.parse_args()
    serve(Store(words.runs), words.host, words.port)


if __name__ == "__main__":
    main()
