"""Clean the folder of runs: say what can go, and let it go.

Why not by `mlflow gc`: docs/decisions/0014-what-a-run-gathers.md.
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
DEAD_RUN_ERROR = "the process ended without a word"


def describe_cleanup(store: Store, found: CleanupCandidates) -> str:
    """What can go, kind by kind: how many, how large, the first of them."""
    dead_runs, deleted_runs, active_deleted_runs = (
        _lines(runs) for runs in (found.dead_runs, found.deleted_runs, found.active_deleted_runs)
    )
    folders = [run_folder(run) for run in found.deleted_runs]
    kinds = [
        *_describe_kind("runs whose process is dead, to be marked as KILLED", dead_runs),
        *_describe_kind("runs in the bin", deleted_runs, folders),
        *_describe_kind("experiments in the bin", found.experiments),
        *_describe_kind(
            "folders without a run", _within(store, found.orphan_folders), found.orphan_folders
        ),
        *_describe_kind(
            "drafts nobody finished", _within(store, found.stale_temp_files), found.stale_temp_files
        ),
        *_describe_kind(
            "runs in the bin that may still be written, left alone", active_deleted_runs
        ),
    ]
    return "\n".join([f"{store.folder}:", *(kinds or ["  nothing to clean"])])


def delete_candidates(store: Store, found: CleanupCandidates) -> None:
    """Let it go. If that is broken off in its middle, the rest is found the next time."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for run in found.dead_runs:
        store.client.set_tag(run.info.run_id, "error", DEAD_RUN_ERROR)
        store.client.set_terminated(run.info.run_id, "KILLED", _last_write_ms(run))
    database = SqlAlchemyStore(store.uri, store.artifacts.as_uri())  # type: ignore[no-untyped-call]
    for (
        run
    ) in found.deleted_runs:  # files first, as `mlflow gc` does: what is left is still in the bin
        _erase(run_folder(run))
        database._hard_delete_run(run.info.run_id)  # type: ignore[no-untyped-call]
    for experiment in found.experiments:
        place = artifact_folder(store.client.get_experiment(experiment).artifact_location)
        database._hard_delete_experiment(experiment)  # type: ignore[no-untyped-call]
        with suppress(OSError):
            place.rmdir()  # unless something else lies there
    for path in (*found.orphan_folders, *found.stale_temp_files):
        _erase(path)


def _describe_kind(name: str, lines: Sequence[str], paths: Sequence[Path] = ()) -> list[str]:
    if not lines:
        return []
    size = f", {sum(map(_bytes, paths)) / 1e6:,.1f} MB" if paths else ""
    more = [f"    … and {len(lines) - MAX_LISTED} more"] if len(lines) > MAX_LISTED else []
    return [
        f"  {name} ({len(lines)}{size})",
        *(f"    {line}" for line in lines[:MAX_LISTED]),
        *more,
    ]


def _lines(runs: Sequence["MlflowRun"]) -> list[str]:
    started = [time.localtime(run.info.start_time / 1000) for run in runs]
    return [
        f"{run.info.run_id[:8]}  {time.strftime('%Y-%m-%d %H:%M', when)}  {run.info.run_name}"
        for run, when in zip(runs, started, strict=True)
    ]


def _within(store: Store, paths: Sequence[Path]) -> list[str]:
    return [path.relative_to(store.folder).as_posix() for path in paths]


def _bytes(path: Path) -> int:
    """Of a file, or of all files in a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for file in (path, *path.rglob("*")):
        with suppress(OSError):
            total += file.lstat().st_size if not file.is_dir() else 0
    return total


def _last_write_ms(run: "MlflowRun") -> int:
    """When a dead run was last seen to write a file."""
    files = artifact_folder(run.info.artifact_uri).rglob("*")
    return max([run.info.start_time, *(int(file.lstat().st_mtime * 1000) for file in files)])


def _erase(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
