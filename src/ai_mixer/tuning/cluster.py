"""Submit jobs to a cluster with submitit: SLURM, or its local executor for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ai_mixer.tuning.storage import MISSING_EXTRA


def submit(
    cluster: str, command: Sequence[str], count: int, folder: Path, **parameters: Any
) -> list[Any]:
    """Submit `count` jobs that each run a command. Return submitit's jobs.

    cluster: slurm or local. folder: for scripts and logs, on a file system of all machines.
    parameters: submitit's own (timeout_min, cpus_per_task, mem_gb, slurm_partition …). ValueError
    if submitit is not installed or the cluster is unknown or not available.
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
