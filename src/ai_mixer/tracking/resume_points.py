"""Find where a training can resume: a checkpoint and its run.

`ckpt_path=` is `last`, a run id (or a unique prefix) or a file. A checkpoint in the folder of a
run resumes that run; any other file starts a new run.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ai_mixer.config.stage_command import stage_command
from ai_mixer.tracking.overrides import OVERRIDES_FILE, stored_overrides
from ai_mixer.tracking.process_info import is_process_alive
from ai_mixer.tracking.run import PARENT_TAG, Run, artifact_folder
from ai_mixer.tracking.run_lookup import all_runs, run_by_id
from ai_mixer.tracking.store import Store
from ai_mixer.utils.atomic_write import write_text

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

LAST_CHECKPOINT = Path("checkpoints", "last.ckpt")


@dataclass(frozen=True)
class ResumePoint:
    """Checkpoint (None: start of the training) and run (None: a new one) of a training.

    overrides: original overrides of the run; finished: whether the run had finished.
    """

    checkpoint: Path | None = None
    run_id: str | None = None
    overrides: tuple[str, ...] = ()
    finished: bool = False


def save_overrides(run: Run, overrides: Sequence[str]) -> None:
    """Store the overrides of a run, for resuming it."""
    text = json.dumps(list(overrides), indent=0, ensure_ascii=False)
    write_text(run.artifact_dir / OVERRIDES_FILE, text)


def find_resume_points(which: str, store: Store) -> Iterator[ResumePoint]:
    """Yield the resume points of `ckpt_path=<which>`, at least one, preferred ones first.

    More than one only for `last`: newest first, the unfinished runs and the newest finished one,
    which can be made longer. FileNotFoundError if there is none; ValueError if the run is active,
    has no overrides, or its id is ambiguous.
    """
    if which != "last" and Path(which).exists():
        yield _from_file(Path(which), store)
    elif not store.exists:
        raise FileNotFoundError(
            f"ckpt_path={which}: no such file, and no run yet in {store.folder}"
        )
    elif which == "last":
        yield from _newest_resumable(store)
    else:
        yield _from_run(run_by_id(which, store))


def _newest_resumable(store: Store) -> Iterator[ResumePoint]:
    any_run = any_finished = False
    for run in all_runs(store):
        finished = run.info.status == "FINISHED"
        if not _can_resume_alone(run) or (finished and any_finished):
            continue
        any_run, any_finished = True, any_finished or finished
        yield _from_run(run)
    if not any_run:
        raise FileNotFoundError(
            f"ckpt_path=last: no run in {store.folder} can be resumed: "
            f"`{stage_command('train')}` starts one"
        )


def _can_resume_alone(run: "MlflowRun") -> bool:
    """Whether a run can be resumed and is no fold: folds are resumed with their parent."""
    return PARENT_TAG not in run.data.tags and can_resume(run)


def can_resume(run: "MlflowRun") -> bool:
    """Return whether a run has its overrides, and a checkpoint unless it was interrupted before."""
    folder = artifact_folder(run.info.artifact_uri)
    if not (folder / OVERRIDES_FILE).is_file():
        return False
    return (folder / LAST_CHECKPOINT).is_file() or run.info.status in {"RUNNING", "KILLED"}


def _from_run(run: "MlflowRun", checkpoint: Path | None = None) -> ResumePoint:
    run_id, folder = run.info.run_id, artifact_folder(run.info.artifact_uri)
    if run.info.status == "RUNNING" and is_process_alive(run.data.tags):
        raise ValueError(
            f"run {run_id[:8]} is still being trained by process {run.data.tags['process.pid']}: "
            "stop that process first, or give the id of another run"
        )
    if not (folder / OVERRIDES_FILE).is_file():
        raise ValueError(
            f"run {run_id[:8]} has no {OVERRIDES_FILE} with its overrides: copy its checkpoint "
            "elsewhere, and start a new run with ckpt_path=<the copy> and the same overrides"
        )
    if checkpoint is None and (folder / LAST_CHECKPOINT).is_file():
        checkpoint = folder / LAST_CHECKPOINT
    overrides = tuple(stored_overrides(folder, run.data.tags))
    return ResumePoint(checkpoint, run_id, overrides, run.info.status == "FINISHED")


def _from_file(path: Path, store: Store) -> ResumePoint:
    path = path.resolve()
    from ai_mixer.tracking.checkpoint_io import METADATA_KEY, read_checkpoint  # imports Lightning

    metadata = read_checkpoint(path)[METADATA_KEY]
    if not store.exists:
        return ResumePoint(path)
    try:
        run = run_by_id(metadata["run"], store)
    except FileNotFoundError:  # of another store, or deleted
        return ResumePoint(path)
    in_run = path.is_relative_to(artifact_folder(run.info.artifact_uri).resolve())
    return _from_run(run, path) if in_run else ResumePoint(path)
