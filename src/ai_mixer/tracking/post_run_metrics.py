"""Numbers that are found out after a run has ended."""

from collections.abc import Mapping
from pathlib import Path

from ai_mixer.tracking.run import Run, artifact_folder
from ai_mixer.tracking.store import Store


def add_metrics(
    run_id: str | None, folder: Path, metrics: Mapping[str, float], store: Store
) -> bool:
    """Log to a run that stays as it ended. False if the store does not know it.

    folder: where the run's files lie; a copy of a run elsewhere is none of the store's.
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
