"""Where a training starts: a checkpoint, and the run it goes on in.

`ckpt_path=last`, a run's id (or its beginning), or a file. A file in a run's folder
continues that run; any other file is where a new run starts.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
    """No checkpoint: from the beginning. No run: in a new one.

    words: the command line of that run; finished: it has come to its end before.
    """

    checkpoint: Path | None = None
    run_id: str | None = None
    overrides: tuple[str, ...] = ()
    finished: bool = False


def save_overrides(run: Run, overrides: Sequence[str]) -> None:
    """Write the command line down: a run goes on with its own words first."""
    text = json.dumps(list(overrides), indent=0, ensure_ascii=False)
    write_text(run.artifact_dir / OVERRIDES_FILE, text)


def find_resume_points(which: str, store: Store) -> Iterator[ResumePoint]:
    """Where `ckpt_path=<which>` may mean to start, the best guess first; there is at least one.

    More than one only for `last`: the runs that have not finished, newest first, and the newest
    finished one, for whom it can be made longer. FileNotFoundError or ValueError in one line.
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
    seen = finished = False
    for run in all_runs(store):
        over = run.info.status == "FINISHED"
        if not _can_resume_alone(run) or (over and finished):
            continue
        seen, finished = True, finished or over
        yield _from_run(run)
    if not seen:
        raise FileNotFoundError(
            f"ckpt_path=last: no run in {store.folder} can go on: `make train` starts one"
        )


def _can_resume_alone(run: "MlflowRun") -> bool:
    """With a checkpoint; without one only if it was cut off before it came so far.

    Not a fold of a cross-validation: its parent goes on, and so do all of its folds.
    """
    return PARENT_TAG not in run.data.tags and can_resume(run)


def can_resume(run: "MlflowRun") -> bool:
    """Whether a training left what it needs to go on in that run, part of another or not."""
    folder = artifact_folder(run.info.artifact_uri)
    cut_off = run.info.status in {"RUNNING", "KILLED"}
    return (folder / OVERRIDES_FILE).is_file() and ((folder / LAST_CHECKPOINT).is_file() or cut_off)


def _from_run(run: "MlflowRun", checkpoint: Path | None = None) -> ResumePoint:
    run_id, folder = run.info.run_id, artifact_folder(run.info.artifact_uri)
    if run.info.status == "RUNNING" and is_process_alive(run.data.tags):
        raise ValueError(
            f"run {run_id[:8]} is still being trained by process {run.data.tags['process.pid']}: "
            "stop that one first, or give the id of another run"
        )
    if not (folder / OVERRIDES_FILE).is_file():
        raise ValueError(
            f"run {run_id[:8]} does not say its command line ({OVERRIDES_FILE}): "
            "copy its checkpoint "
            "elsewhere, give ckpt_path=<the copy> and the overrides of the run to start a new run"
        )
    if checkpoint is None and (folder / LAST_CHECKPOINT).is_file():
        checkpoint = folder / LAST_CHECKPOINT
    own = tuple(stored_overrides(folder, run.data.tags))
    return ResumePoint(checkpoint, run_id, own, run.info.status == "FINISHED")


def _from_file(path: Path, store: Store) -> ResumePoint:
    path = path.resolve()
    from ai_mixer.tracking.checkpoint_io import METADATA_KEY, read_checkpoint  # imports Lightning

    stamp = read_checkpoint(path)[METADATA_KEY]
    if not store.exists:
        return ResumePoint(path)
    try:
        run = run_by_id(stamp["run"], store)
    except FileNotFoundError:  # of another store, or deleted
        return ResumePoint(path)
    mine = path.is_relative_to(artifact_folder(run.info.artifact_uri).resolve())
    return _from_run(run, path) if mine else ResumePoint(path)
