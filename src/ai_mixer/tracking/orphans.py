"""What can go from the folder of runs; whatever may still be written stays.

Runs in MLflow's bin; folders of artifacts without a run; drafts that nobody finished. And runs that
say RUNNING although their process is dead.
"""

import re
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ai_mixer.tracking.process_info import HOST, is_process_alive
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

PAGE_SIZE = 1000
RUN_ID = re.compile("[0-9a-f]{32}")
TEMP_FILE_PATTERN = re.compile(r"\.new-.*|\..*\.(tmp|new|draft)(\.\w+)?")
STALE_AFTER_S = 3600.0  # a draft that nobody has written to for so long


@dataclass(frozen=True)
class CleanupCandidates:
    """dead: runs that say RUNNING and are not; binned: runs in the bin; experiments: ids of those
    in the bin; spared: runs in the bin that may still be written; orphans: folders without a run.
    """

    dead_runs: list["MlflowRun"]
    deleted_runs: list["MlflowRun"]
    experiments: list[str]
    active_deleted_runs: list["MlflowRun"]
    orphan_folders: list[Path]
    stale_temp_files: list[Path]

    def __bool__(self) -> bool:
        return any(
            (
                self.dead_runs,
                self.deleted_runs,
                self.experiments,
                self.orphan_folders,
                self.stale_temp_files,
            )
        )


def find_cleanup_candidates(store: Store) -> CleanupCandidates:
    """Look, and change nothing. FileNotFoundError without runs, ValueError if they were moved."""
    if not store.exists:
        raise FileNotFoundError(f"no run yet in {store.folder}: `make train` makes one")
    store.check_local()
    folders = [path for path in store.artifacts.glob("*/*") if RUN_ID.fullmatch(path.name)]
    runs = {run.info.run_id: run for run in _runs(store)}  # after: a new run has its row first
    living = {name for name, run in runs.items() if _may_be_written(run)}
    over = [run for name, run in runs.items() if name not in living]
    deleted_runs = [run for run in over if _is_deleted(run)]
    for run in deleted_runs:
        _check_not_moved(store, run)
    active_deleted_runs = [run for name, run in runs.items() if name in living and _is_deleted(run)]
    needed = {run.info.experiment_id for run in active_deleted_runs}
    return CleanupCandidates(
        dead_runs=[run for run in over if _says_running(run) and not _is_deleted(run)],
        deleted_runs=deleted_runs,
        experiments=[key for key in _experiments(store, deleted=True) if key not in needed],
        active_deleted_runs=active_deleted_runs,
        orphan_folders=sorted(folder for folder in folders if folder.name not in runs),
        stale_temp_files=sorted(_stale_temp_files(store, living)),
    )


def run_folder(run: "MlflowRun") -> Path:
    """`<artifacts>/<experiment>/<run>`: the folder with nothing but the run's artifacts in it."""
    folder = artifact_folder(run.info.artifact_uri)
    return folder.parent if folder.parent.name == run.info.run_id else folder


def _runs(store: Store) -> Iterator["MlflowRun"]:
    """Every run there is, those in the bin too."""
    from mlflow.entities import ViewType

    token, experiments = None, _experiments(store)
    while experiments:
        page = store.client.search_runs(
            experiments, run_view_type=ViewType.ALL, max_results=PAGE_SIZE, page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def _experiments(store: Store, *, deleted: bool = False) -> list[str]:
    from mlflow.entities import ViewType

    view = ViewType.DELETED_ONLY if deleted else ViewType.ALL
    found = store.client.search_experiments(view_type=view, max_results=50000)
    return [experiment.experiment_id for experiment in found]


def _is_deleted(run: "MlflowRun") -> bool:
    return str(run.info.lifecycle_stage) == "deleted"


def _says_running(run: "MlflowRun") -> bool:
    return str(run.info.status) in {"RUNNING", "SCHEDULED"}


def _may_be_written(run: "MlflowRun") -> bool:
    """Of a process on another machine, or one that left no name, nothing is known: it may live."""
    elsewhere = run.data.tags.get(HOST) != socket.gethostname()
    return _says_running(run) and (elsewhere or is_process_alive(run.data.tags))


def _check_not_moved(store: Store, run: "MlflowRun") -> None:
    folder = run_folder(run)
    if not folder.is_relative_to(store.artifacts):
        raise ValueError(
            f"run {run.info.run_id[:8]} lies in {folder}, not in {store.artifacts}: "
            "after moving or copying runs, `make relocate` first"
        )


def _stale_temp_files(store: Store, living: Iterable[str]) -> Iterator[Path]:
    hidden = [*store.folder.glob(".new-*"), *store.artifacts.rglob(".*")]
    active_deleted_runs, now = set(living), time.time()
    for path in hidden:
        stale = (
            TEMP_FILE_PATTERN.fullmatch(path.name) and now - path.lstat().st_mtime > STALE_AFTER_S
        )
        if stale and not active_deleted_runs & set(path.parts):
            yield path
