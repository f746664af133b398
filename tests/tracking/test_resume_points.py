"""Which run `ckpt_path=` means, and that it is one that can go on."""

import shutil
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

WORDS = ["model=baseline_cnn", "loss/term=[knobs,perceptual]", "run_name=\"ä ${model} 'x'\""]


def begun(store: Store, name: str, status: str | None, *, checkpoint: bool = True) -> Run:
    """A run of the past; no status: its process was killed."""
    run = Run.start(store, name, name)
    save_overrides(run, [*WORDS, f"+name={name}"])
    if checkpoint:
        AtomicCheckpointIO(run.id).save_checkpoint(
            {"state_dict": {}}, run.artifact_dir / LAST_CHECKPOINT
        )
    if status is None:
        run.set_tags({"process.pid": 999_999_999})
    else:
        run.end(status)
    return run


def starts(which: object, store: Store) -> list[str | None]:
    return [start.run_id for start in find_resume_points(str(which), store)]


def test_a_start_says_where_and_with_which_words(store: Store) -> None:
    run = begun(store, "a", None)
    expected = ResumePoint(run.artifact_dir / LAST_CHECKPOINT, run.id, (*WORDS, "+name=a"))
    assert list(find_resume_points("last", store)) == [expected]


@pytest.mark.parametrize("status", [None, "KILLED", "FAILED"])
def test_last_is_the_newest_that_has_not_finished(store: Store, status: str | None) -> None:
    old, stopped = begun(store, "a", "KILLED"), begun(store, "b", status)
    begun(store, "c", "FAILED", checkpoint=False)
    Run.start(store, "evaluation").end("KILLED")  # no training: it has no words
    assert starts("last", store) == [stopped.id, old.id]


def test_the_newest_finished_run_may_be_made_longer(store: Store) -> None:
    begun(store, "a", "FINISHED")
    stopped, finished = begun(store, "b", "KILLED"), begun(store, "c", "FINISHED")
    assert starts("last", store) == [finished.id, stopped.id]
    assert [start.finished for start in find_resume_points("last", store)] == [True, False]


@pytest.mark.parametrize("status", [None, "KILLED"])
def test_cut_off_before_the_first_checkpoint_it_starts_anew(
    store: Store, status: str | None
) -> None:
    run = begun(store, "a", status, checkpoint=False)
    (start,) = find_resume_points("last", store)
    assert (start.run_id, start.checkpoint) == (run.id, None)


def test_a_run_by_its_id(store: Store) -> None:
    run, _ = begun(store, "a", "KILLED"), begun(store, "b", "KILLED")
    assert starts(run.id, store) == starts(run.id[:12], store) == [run.id]


def test_a_file_in_a_run_s_folder_is_that_run(store: Store, monkeypatch, tmp_path: Path) -> None:
    run = begun(store, "a", "FINISHED")
    best = shutil.copy(
        run.artifact_dir / LAST_CHECKPOINT, run.artifact_dir / "checkpoints" / "best.ckpt"
    )
    (start,) = find_resume_points(str(best), store)
    assert (start.run_id, start.checkpoint, start.finished) == (run.id, Path(best), True)
    monkeypatch.chdir(run.artifact_dir)
    assert list(find_resume_points(str(LAST_CHECKPOINT), store)) == [
        ResumePoint(run.artifact_dir / LAST_CHECKPOINT, *_rest(start))
    ]


def _rest(start: ResumePoint) -> tuple[str | None, tuple[str, ...], bool]:
    return start.run_id, start.overrides, start.finished


def test_a_file_elsewhere_is_where_a_new_run_starts(store: Store, tmp_path: Path) -> None:
    run = begun(store, "a", "KILLED")
    copy = Path(shutil.copy(run.artifact_dir / LAST_CHECKPOINT, tmp_path / "x.ckpt"))
    for known in (store, Store(tmp_path / "no runs")):
        assert list(find_resume_points(str(copy), known)) == [ResumePoint(copy)]
    assert not (tmp_path / "no runs").exists()


def test_a_run_that_is_still_being_trained_is_left_alone(store: Store) -> None:
    begun(store, "a", "KILLED")
    run = Run.start(store, "b")
    save_overrides(run, WORDS)
    for which in ("last", run.id):
        with pytest.raises(ValueError, match="is still being trained by process") as caught:
            starts(which, store)
        assert "\n" not in str(caught.value)
    run.end("KILLED")
    assert starts("last", store)[0] == run.id


def test_nothing_to_go_on_from_is_said_in_one_line(store: Store, tmp_path: Path) -> None:
    nowhere = Store(tmp_path / "nowhere")
    for which in ("last", "0123", "no/such/file.ckpt"):
        with pytest.raises(FileNotFoundError, match="no run yet in"):
            starts(which, nowhere)
    assert not nowhere.folder.exists()
    with pytest.raises(FileNotFoundError, match=r"no run in .* can go on: `make train` starts one"):
        starts("last", store)
    with pytest.raises(FileNotFoundError, match="no run, folder or file 'no/such"):
        starts("no/such/file.ckpt", store)


def test_a_run_without_its_words_says_the_way_out(store: Store) -> None:
    run = begun(store, "a", "KILLED")
    (run.artifact_dir / "overrides.json").unlink()
    with pytest.raises(ValueError, match="does not say its command line") as caught:
        starts(run.id, store)
    assert "\n" not in str(caught.value)
