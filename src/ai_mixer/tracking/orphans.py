"""Find what can be removed from the folder of runs; runs that may still be written are not.

Deleted runs and experiments; artifact folders without a run; stale temporary files. And runs with
the status RUNNING whose process is dead.
"""

import re
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ai_mixer.config.stage_command import stage_command
from ai_mixer.tracking.process_info import HOST, is_process_alive
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

PAGE_SIZE = 1000
RUN_ID = re.compile("[0-9a-f]{32}")
TEMP_FILE_PATTERN = re.compile(r"\.new-.*|\..*\.(tmp|new|draft)(\.\w+)?")
STALE_AFTER_S = 3600.0  # age of the last write to a temporary file


@dataclass(frozen=True)
class CleanupCandidates:
    """Results of `find_cleanup_candidates`.

    dead_runs: status RUNNING, but the process is dead; experiments: ids of deleted ones;
    active_deleted_runs: deleted, but may still be written, so they are not removed;
    orphan_folders: artifact folders without a run.
    """

    dead_runs: list["MlflowRun"]
    deleted_runs: list["MlflowRun"]
    experiments: list[str]
    active_deleted_runs: list["MlflowRun"]
    orphan_folders: list[Path]
    stale_temp_files: list[Path]

    def __bool__(self) -> bool:
        runs = self.dead_runs or self.deleted_runs
        return bool(runs or self.experiments or self.orphan_folders or self.stale_temp_files)


def find_cleanup_candidates(store: Store) -> CleanupCandidates:
    """Find the candidates without changing anything.

    FileNotFoundError without runs, ValueError if they were moved or are on a server.
    """
    if not store.exists:
        raise FileNotFoundError(
            f"no run yet in {store.folder}: `{stage_command('train')}` creates one"
        )
    store.check_local()
    folders = [path for path in store.artifacts.glob("*/*") if RUN_ID.fullmatch(path.name)]
    # After the folders: a new run has its row in the database before its folder.
    runs = {run.info.run_id: run for run in _runs(store)}
    active = {run_id for run_id, run in runs.items() if _may_be_written(run)}
    ended = [run for run_id, run in runs.items() if run_id not in active]
    deleted_runs = [run for run in ended if _is_deleted(run)]
    for run in deleted_runs:
        _check_not_moved(store, run)
    active_deleted_runs = [
        run for run_id, run in runs.items() if run_id in active and _is_deleted(run)
    ]
    needed = {run.info.experiment_id for run in active_deleted_runs}
    return CleanupCandidates(
        dead_runs=[run for run in ended if _has_running_status(run) and not _is_deleted(run)],
        deleted_runs=deleted_runs,
        experiments=[key for key in _experiments(store, deleted=True) if key not in needed],
        active_deleted_runs=active_deleted_runs,
        orphan_folders=sorted(folder for folder in folders if folder.name not in runs),
        stale_temp_files=sorted(_stale_temp_files(store, active)),
    )


def run_folder(run: "MlflowRun") -> Path:
    """Return `<artifacts>/<experiment>/<run>`: the folder of this run only."""
    folder = artifact_folder(run.info.artifact_uri)
    return folder.parent if folder.parent.name == run.info.run_id else folder


def _runs(store: Store) -> Iterator["MlflowRun"]:
    """Yield all runs, deleted ones included."""
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
    experiments = store.client.search_experiments(view_type=view, max_results=50000)
    return [experiment.experiment_id for experiment in experiments]


def _is_deleted(run: "MlflowRun") -> bool:
    return str(run.info.lifecycle_stage) == "deleted"


def _has_running_status(run: "MlflowRun") -> bool:
    return str(run.info.status) in {"RUNNING", "SCHEDULED"}


def _may_be_written(run: "MlflowRun") -> bool:
    """True also if the process is unknown or on another machine, where it cannot be checked."""
    elsewhere = run.data.tags.get(HOST) != socket.gethostname()
    return _has_running_status(run) and (elsewhere or is_process_alive(run.data.tags))


def _check_not_moved(store: Store, run: "MlflowRun") -> None:
    folder = run_folder(run)
    if not folder.is_relative_to(store.artifacts):
        raise ValueError(
            f"run {run.info.run_id[:8]} is in {folder}, not in {store.artifacts}: "
            f"run `{stage_command('relocate')}` after moving or copying runs"
        )


def _stale_temp_files(store: Store, active_runs: Iterable[str]) -> Iterator[Path]:
    hidden = [*store.folder.glob(".new-*"), *store.artifacts.rglob(".*")]
    active, oldest = set(active_runs), time.time() - STALE_AFTER_S
    for path in hidden:
        temporary = TEMP_FILE_PATTERN.fullmatch(path.name)
        if temporary and path.lstat().st_mtime < oldest and not active & set(path.parts):
            yield path
