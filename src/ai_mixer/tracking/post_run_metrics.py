"""Log metrics to a run that has ended."""

from collections.abc import Mapping
from pathlib import Path

from ai_mixer.tracking.run import Run, artifact_folder
from ai_mixer.tracking.store import Store


def add_metrics(
    run_id: str | None, folder: Path, metrics: Mapping[str, float], store: Store
) -> bool:
    """Log metrics without changing the status of the run. Returns False if it is not in the store.

    folder: of the run's artifacts; a copy of a run in another folder is not in the store.
    """
    from mlflow.exceptions import MlflowException

    if run_id is None or not store.exists:
        return False
    try:
        known = artifact_folder(store.client.get_run(run_id).info.artifact_uri)
    except MlflowException:
        return False
    if known.resolve() != folder.resolve():
        return False
    Run(store, run_id).log_metrics(metrics)
    return True
