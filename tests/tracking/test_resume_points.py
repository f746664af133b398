"""Resume points of `ckpt_path=last`, ids and files."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ai_mixer.tracking.checkpoint_io import AtomicCheckpointIO
from ai_mixer.tracking.resume_points import (
    LAST_CHECKPOINT,
    ResumePoint,
    find_resume_points,
    save_overrides,
)
from ai_mixer.tracking.run import Run
from ai_mixer.tracking.store import Store

OVERRIDES = ["model=baseline_cnn", "loss/term=[knobs,perceptual]", "run_name=\"ä ${model} 'x'\""]


def create_run(store: Store, name: str, status: str | None, *, checkpoint: bool = True) -> Run:
    """An earlier run; status None: its process was killed."""
    run = Run.start(store, name, name)
    save_overrides(run, [*OVERRIDES, f"+name={name}"])
    if checkpoint:
        AtomicCheckpointIO(run.id).save_checkpoint(
            {"state_dict": {}}, run.artifact_dir / LAST_CHECKPOINT
        )
    if status is None:
        run.set_tags({"process.pid": 999_999_999})
    else:
        run.end(status)
    return run


def run_ids(which: object, store: Store) -> list[str | None]:
    return [start.run_id for start in find_resume_points(str(which), store)]


def test_resume_point_has_checkpoint_run_and_overrides(store: Store) -> None:
    run = create_run(store, "a", None)
    expected = ResumePoint(run.artifact_dir / LAST_CHECKPOINT, run.id, (*OVERRIDES, "+name=a"))
    assert list(find_resume_points("last", store)) == [expected]


@pytest.mark.parametrize("status", [None, "KILLED", "FAILED"])
def test_last_gives_unfinished_runs_newest_first(store: Store, status: str | None) -> None:
    old, stopped = create_run(store, "a", "KILLED"), create_run(store, "b", status)
    create_run(store, "c", "FAILED", checkpoint=False)
    Run.start(store, "evaluation").end("KILLED")  # not a training: has no overrides
    assert run_ids("last", store) == [stopped.id, old.id]


def test_last_gives_the_newest_finished_run_too(store: Store) -> None:
    create_run(store, "a", "FINISHED")
    stopped, finished = create_run(store, "b", "KILLED"), create_run(store, "c", "FINISHED")
    assert run_ids("last", store) == [finished.id, stopped.id]
    assert [start.finished for start in find_resume_points("last", store)] == [True, False]


@pytest.mark.parametrize("status", [None, "KILLED"])
def test_a_run_killed_before_its_first_checkpoint_has_a_resume_point(
    store: Store, status: str | None
) -> None:
    run = create_run(store, "a", status, checkpoint=False)
    (start,) = find_resume_points("last", store)
    assert (start.run_id, start.checkpoint) == (run.id, None)


def test_a_run_is_found_by_its_id_and_prefix(store: Store) -> None:
    run, _ = create_run(store, "a", "KILLED"), create_run(store, "b", "KILLED")
    assert run_ids(run.id, store) == run_ids(run.id[:12], store) == [run.id]


def test_a_checkpoint_in_the_folder_of_a_run_resumes_that_run(
    store: Store, monkeypatch, tmp_path: Path
) -> None:
    run = create_run(store, "a", "FINISHED")
    best = shutil.copy(
        run.artifact_dir / LAST_CHECKPOINT, run.artifact_dir / "checkpoints" / "best.ckpt"
    )
    (start,) = find_resume_points(str(best), store)
    assert (start.run_id, start.checkpoint, start.finished) == (run.id, Path(best), True)
    monkeypatch.chdir(run.artifact_dir)
    expected = replace(start, checkpoint=run.artifact_dir / LAST_CHECKPOINT)
    assert list(find_resume_points(str(LAST_CHECKPOINT), store)) == [expected]


def test_a_checkpoint_in_another_folder_starts_a_new_run(store: Store, tmp_path: Path) -> None:
    run = create_run(store, "a", "KILLED")
    copy = Path(shutil.copy(run.artifact_dir / LAST_CHECKPOINT, tmp_path / "x.ckpt"))
    for known in (store, Store(tmp_path / "no runs")):
        assert list(find_resume_points(str(copy), known)) == [ResumePoint(copy)]
    assert not (tmp_path / "no runs").exists()


def test_a_run_of_a_living_process_is_an_error(store: Store) -> None:
    create_run(store, "a", "KILLED")
    run = Run.start(store, "b")
    save_overrides(run, OVERRIDES)
    for which in ("last", run.id):
        with pytest.raises(ValueError, match=f"run {run.id[:8]} .*process") as error:
            run_ids(which, store)
        assert "\n" not in str(error.value)
    run.end("KILLED")
    assert run_ids("last", store)[0] == run.id


def test_no_run_to_resume_is_an_error(store: Store, tmp_path: Path) -> None:
    missing = Store(tmp_path / "missing")
    for which in ("last", "0123", "no/such/file.ckpt"):
        with pytest.raises(FileNotFoundError, match="no run yet in"):
            run_ids(which, missing)
    assert not missing.folder.exists()
    with pytest.raises(FileNotFoundError, match="ckpt_path=last"):
        run_ids("last", store)
    with pytest.raises(FileNotFoundError, match="'no/such"):
        run_ids("no/such/file.ckpt", store)


def test_a_run_without_overrides_is_an_error(store: Store) -> None:
    run = create_run(store, "a", "KILLED")
    (run.artifact_dir / "overrides.json").unlink()
    with pytest.raises(ValueError, match=r"overrides\.json") as error:
        run_ids(run.id, store)
    assert "\n" not in str(error.value)
