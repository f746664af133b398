"""Workers as jobs of a cluster: SLURM by submitit, or its local executor to try it here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ai_mixer.tuning.storage import MISSING_EXTRA


def submit(
    cluster: str, command: Sequence[str], count: int, folder: Path, **parameters: Any
) -> list[Any]:
    """Queue `count` jobs that each run a command. Returns submitit's jobs.

    cluster: slurm or local; folder: for scripts and logs, seen by all machines; parameters:
    submitit's own (timeout_min, cpus_per_task, mem_gb, slurm_partition …). ValueError without
    submitit, or where the cluster is none.
    """
    try:
        import submitit
    except ImportError as error:
        raise ValueError(f"cluster={cluster}: {error}: {MISSING_EXTRA}") from error
    try:
        executor = submitit.AutoExecutor(folder, cluster=cluster)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"cluster={cluster}: {error}") from error
    executor.update_parameters(**parameters)
    worker = submitit.helpers.CommandFunction(list(command))
    return [executor.submit(worker) for _ in range(count)]
