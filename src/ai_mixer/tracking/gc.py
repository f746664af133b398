"""Clean up the folder of runs: describe and delete the candidates.

Why not by `mlflow gc`: docs/decisions/0014-run-artifacts.md.
"""

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ai_mixer.tracking.orphans import CleanupCandidates, run_folder
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

MAX_LISTED = 10  # lines of each kind
DEAD_RUN_ERROR = "the process ended without an error message"


def describe_cleanup(store: Store, candidates: CleanupCandidates) -> str:
    """Describe the candidates by kind: number, size and the first of them."""
    folders = [run_folder(run) for run in candidates.deleted_runs]
    orphans, temporary = candidates.orphan_folders, candidates.stale_temp_files
    kinds = [
        *_describe_kind(
            "runs whose process is dead, to be marked as KILLED", _lines(candidates.dead_runs)
        ),
        *_describe_kind("deleted runs", _lines(candidates.deleted_runs), folders),
        *_describe_kind("deleted experiments", candidates.experiments),
        *_describe_kind("folders without a run", _relative(store, orphans), orphans),
        *_describe_kind("stale temporary files", _relative(store, temporary), temporary),
        *_describe_kind(
            "deleted runs that may still be written, not removed",
            _lines(candidates.active_deleted_runs),
        ),
    ]
    return "\n".join([f"{store.folder}:", *(kinds or ["  nothing to clean"])])


def delete_candidates(store: Store, candidates: CleanupCandidates) -> None:
    """Delete the candidates. After an interruption, the next call deletes the rest."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for run in candidates.dead_runs:
        store.client.set_tag(run.info.run_id, "error", DEAD_RUN_ERROR)
        store.client.set_terminated(run.info.run_id, "KILLED", _last_write_ms(run))
    database = SqlAlchemyStore(store.uri, store.artifacts.as_uri())  # type: ignore[no-untyped-call]
    # Files first, as in `mlflow gc`: after an interruption the run is still a deleted one.
    for run in candidates.deleted_runs:
        _delete(run_folder(run))
        database._hard_delete_run(run.info.run_id)  # type: ignore[no-untyped-call]
    for experiment in candidates.experiments:
        folder = artifact_folder(store.client.get_experiment(experiment).artifact_location)
        database._hard_delete_experiment(experiment)  # type: ignore[no-untyped-call]
        with suppress(OSError):
            folder.rmdir()  # unless it has other files
    for path in (*candidates.orphan_folders, *candidates.stale_temp_files):
        _delete(path)


def _describe_kind(name: str, lines: Sequence[str], paths: Sequence[Path] = ()) -> list[str]:
    if not lines:
        return []
    size = f", {sum(map(_bytes, paths)) / 1e6:,.1f} MB" if paths else ""
    rest = [f"    … and {len(lines) - MAX_LISTED} more"] if len(lines) > MAX_LISTED else []
    return [
        f"  {name} ({len(lines)}{size})",
        *(f"    {line}" for line in lines[:MAX_LISTED]),
        *rest,
    ]


def _lines(runs: Sequence["MlflowRun"]) -> list[str]:
    started = [time.localtime(run.info.start_time / 1000) for run in runs]
    return [
        f"{run.info.run_id[:8]}  {time.strftime('%Y-%m-%d %H:%M', start)}  {run.info.run_name}"
        for run, start in zip(runs, started, strict=True)
    ]


def _relative(store: Store, paths: Sequence[Path]) -> list[str]:
    return [path.relative_to(store.folder).as_posix() for path in paths]


def _bytes(path: Path) -> int:
    """Size of a file or of all files in a folder; files deleted meanwhile count 0."""
    total = 0
    for file in (path, *path.rglob("*")):
        with suppress(OSError):
            total += file.lstat().st_size if not file.is_dir() else 0
    return total


def _last_write_ms(run: "MlflowRun") -> int:
    """Time of the last write to a file of a run."""
    files = artifact_folder(run.info.artifact_uri).rglob("*")
    return max([run.info.start_time, *(int(file.lstat().st_mtime * 1000) for file in files)])


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
