"""Further workers of a study: processes on this machine, or jobs of a cluster."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from omegaconf import DictConfig
from optuna import Study

from ai_mixer.tuning.cluster import submit
from ai_mixer.utils.log import logger


def submit_jobs(cfg: DictConfig, study: Study, command: Sequence[str]) -> None:
    """Submit workers as jobs of a cluster, without waiting for them: they may queue for hours.

    command: starts a worker when followed by overrides.
    """
    folder = Path(cfg.paths.outputs) / "jobs"
    arguments = [*command, *_worker_overrides(cfg, study)]
    jobs = submit(cfg.cluster, arguments, cfg.workers, folder.resolve(), **cfg.job)
    for job in jobs:
        logger.info(f"job {job.job_id}: {job.paths.stderr}")


@contextmanager
def other_workers(cfg: DictConfig, study: Study, command: Sequence[str]) -> Iterator[None]:
    """Run the other workers of this machine while the block runs; all share the cores equally."""
    before = torch.get_num_threads()
    threads = max(1, before // max(1, cfg.workers))
    arguments = [*command, *_worker_overrides(cfg, study)]
    torch.set_num_threads(threads)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    workers = [subprocess.Popen(arguments, env=environment) for _ in range(1, cfg.workers)]
    try:
        yield
        for worker in workers:
            worker.wait()
    except BaseException:
        for worker in workers:
            with suppress(ProcessLookupError):
                worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait()
        raise
    finally:
        torch.set_num_threads(before)


def _worker_overrides(cfg: DictConfig, study: Study) -> list[str]:
    """Overrides with which a sweep attaches to the study as a worker."""
    overrides = [f"attach_to={study.study_name}", f"storage={cfg.storage}", "cluster=null"]
    return overrides + [
        f"paths.{name}={Path(cfg.paths[name]).resolve()}" for name in ("mlruns", "data")
    ]
