"""Clean-up describes and deletes unused files, and never those that may still be written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.entities import ViewType

from ai_mixer.cli.stages import gc as stage
from ai_mixer.tracking.gc import DEAD_RUN_ERROR, delete_candidates, describe_cleanup
from ai_mixer.tracking.orphans import STALE_AFTER_S, find_cleanup_candidates
from ai_mixer.tracking.process_info import CLOCK_TOLERANCE_S, HOST, PID, STARTED
from ai_mixer.tracking.run import Run
from ai_mixer.tracking.store import Store
from ai_mixer.utils.atomic_write import temporary_name

KILLED_PROCESS = """
import os, sys
from ai_mixer.tracking import Run, Store
run = Run.start(Store(sys.argv[1]), "train", "cut off")
run.log_text("a: 1", "config.yaml")
print(run.id, flush=True)
os.kill(os.getpid(), 9)
"""


def finished_run(store: Store, name: str = "a run", experiment: str = "train") -> Run:
    """A finished run with a file, a param, a metric and a tag."""
    with Run.start(store, experiment, name) as run:
        run.log_text("a: 1\n", "config.yaml")
        run.log_params({"lr": 0.1})
        run.log_metrics({"loss": 1.0})
    return run


def deleted_run(store: Store, name: str = "deleted", experiment: str = "train") -> Run:
    run = finished_run(store, name, experiment)
    store.client.delete_run(run.id)
    return run


def active_run(store: Store, **tags: str) -> Run:
    """A run of this process, or of the process in `tags`."""
    run = Run.start(store, "train", "in progress")
    run.log_text("a: 1\n", "config.yaml")
    if tags:
        run.set_tags({name.replace("_", "."): value for name, value in tags.items()})
    return run


def stale(path: Path) -> Path:
    """Set the last access to the path to a time before `STALE_AFTER_S`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (1, path.stat().st_mtime - STALE_AFTER_S - 60))
    return path


def orphan(store: Store) -> Path:
    folder = store.artifacts / "train" / ("0123456789abcdef" * 2)
    (folder / "artifacts").mkdir(parents=True)
    (folder / "artifacts" / "model.json").write_text("{}")
    return folder


def snapshot(store: Store) -> dict[str, object]:
    """All files with their contents, and all runs with MLflow's data."""
    client = store.client
    ids = [e.experiment_id for e in client.search_experiments(view_type=ViewType.ALL)]
    runs = client.search_runs(ids, run_view_type=ViewType.ALL)
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    return {
        **{path.as_posix(): path.read_bytes() for path in files if "mlflow.db" not in path.name},
        **{run.info.run_id: run.to_dictionary() for run in runs},
    }


def clean(store: Store) -> None:
    delete_candidates(store, find_cleanup_candidates(store))


def status(store: Store, run_id: str) -> str:
    return store.client.get_run(run_id).info.status


@pytest.mark.slow
def test_a_store_without_candidates(store: Store) -> None:
    finished_run(store)
    candidates = find_cleanup_candidates(store)
    assert not candidates
    assert describe_cleanup(store, candidates).splitlines()[1:] == ["  nothing to clean"]


def test_finding_candidates_changes_nothing_and_all_are_described(store: Store) -> None:
    deleted, folder = deleted_run(store), orphan(store)
    temporary = stale(finished_run(store).artifact_dir / ".model.json.7.tmp")
    dead = active_run(store, process_pid="999999999")
    before = snapshot(store)
    candidates = find_cleanup_candidates(store)
    text = describe_cleanup(store, candidates)
    assert candidates
    assert snapshot(store) == before
    for part in (deleted.id[:8], dead.id[:8], folder.name, temporary.name, "MB"):
        assert part in text


def test_a_deleted_run_is_removed_with_all_its_data(store: Store) -> None:
    other, deleted = finished_run(store), deleted_run(store)
    folder = deleted.artifact_dir.parent
    before = snapshot(store)
    removed = {key for key in before if deleted.id in key}
    assert len(removed) >= 2  # the row, config.yaml and, with changed code, git.patch
    clean(store)
    assert snapshot(store) == {key: v for key, v in before.items() if key not in removed}
    assert not folder.exists()
    assert store.client.get_metric_history(other.id, "loss")


@pytest.mark.slow
def test_a_deleted_experiment_is_removed_with_its_runs(store: Store) -> None:
    other, run = finished_run(store), finished_run(store, experiment="old")
    store.client.delete_experiment(store.client.get_experiment_by_name("old").experiment_id)
    before = snapshot(store)
    clean(store)
    assert snapshot(store) == {key: v for key, v in before.items() if run.id not in key}
    assert not (store.artifacts / "old").exists()
    assert other.artifact_dir.is_dir()
    finished_run(store, experiment="old")  # the name can be used again


def test_a_folder_without_a_run_is_removed(store: Store) -> None:
    run, folder = finished_run(store), orphan(store)
    notes = store.artifacts / "train" / "notes"
    notes.mkdir()
    clean(store)
    assert not folder.exists()
    assert notes.is_dir()  # other folders are not removed
    assert (run.artifact_dir / "config.yaml").is_file()


def test_stale_temporary_files_are_removed(store: Store) -> None:
    folder = finished_run(store).artifact_dir
    old = [
        stale(folder / ".model.json.7.tmp"),
        stale(folder / "checkpoints" / ".last.ckpt.new"),
        stale(temporary_name(folder / "checkpoints" / "last.ckpt")),
        stale(temporary_name(folder / "overrides")),
        stale(folder / "listening" / ".song_mix.flac.7.tmp"),
        store.folder / ".new-abc",
    ]
    old[-1].mkdir()
    stale(old[-1])
    kept = [
        folder / "checkpoints" / ".best.ckpt.new",  # recent
        stale(folder / "checkpoints" / "last.ckpt"),
        stale(folder / ".gitignore"),
        stale(folder / "notes.tmp"),
    ]
    kept[0].touch()
    clean(store)
    assert [path.exists() for path in old] == [False] * 6
    assert [path.exists() for path in kept] == [True] * 4


@pytest.mark.slow
def test_a_run_of_a_killed_process_is_marked(store: Store) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_PROCESS, str(store.folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9
    run_id = done.stdout.strip()
    assert status(store, run_id) == "RUNNING"
    clean(store)
    run = store.client.get_run(run_id)
    assert run.info.status == "KILLED"
    assert run.data.tags["error"] == DEAD_RUN_ERROR
    assert run.info.start_time <= run.info.end_time <= run.info.start_time + 60_000
    file = store.artifacts / "train" / run_id / "artifacts" / "config.yaml"
    assert file.read_text() == "a: 1"  # kept: the run can be resumed
    assert not find_cleanup_candidates(store)


def test_a_reused_process_id_is_another_process(store: Store) -> None:
    run = active_run(store)
    started = float(run.tags[STARTED])
    assert not find_cleanup_candidates(store)
    run.set_tags({STARTED: f"{started - CLOCK_TOLERANCE_S / 2:.2f}"})  # the clock was set
    assert not find_cleanup_candidates(store)
    run.set_tags({STARTED: f"{started - 2 * CLOCK_TOLERANCE_S:.2f}"})
    assert [dead.info.run_id for dead in find_cleanup_candidates(store).dead_runs] == [run.id]


@pytest.mark.parametrize("process", ["this process", "another machine", "unknown"])
def test_runs_that_may_still_be_written_are_not_removed(store: Store, process: str) -> None:
    """Active runs: one not deleted, one deleted, and one in a deleted experiment."""
    active = [active_run(store) for _ in range(2)]
    active.append(Run.start(store, "old", "in progress"))
    for run in active:
        stale(run.artifact_dir / ".last.ckpt.new")
        if process == "another machine":
            run.set_tags({HOST: "elsewhere", PID: "999999999"})
        if process == "unknown":
            for name in (HOST, PID, STARTED):
                store.client.delete_tag(run.id, name)
    deleted = deleted_run(store, experiment="old")
    store.client.delete_run(active[1].id)
    store.client.delete_experiment(store.client.get_experiment_by_name("old").experiment_id)
    before = snapshot(store)
    candidates = find_cleanup_candidates(store)
    delete_candidates(store, candidates)
    kept = {run.info.run_id for run in candidates.active_deleted_runs}
    assert kept == {run.id for run in active[1:]}
    assert snapshot(store) == {key: v for key, v in before.items() if deleted.id not in key}
    removed, _, not_removed = describe_cleanup(store, candidates).partition("not removed")
    assert not any(run.id[:8] in removed for run in active)
    assert all(run.id[:8] in not_removed for run in active[1:])
    assert {status(store, run.id) for run in active} == {"RUNNING"}


def test_moved_runs_are_an_error(store: Store, tmp_path: Path) -> None:
    """The database of a copy still has the URIs of the original."""
    deleted_run(store)
    copy = Store(shutil.copytree(store.folder, tmp_path / "copy"))
    before = snapshot(store)
    with pytest.raises(ValueError, match="`make relocate`"):
        find_cleanup_candidates(copy)
    assert snapshot(store) == before


def test_an_interrupted_cleanup_can_be_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    runs = [deleted_run(store) for _ in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr(SqlAlchemyStore, "_hard_delete_run", interrupt)
        with pytest.raises(KeyboardInterrupt):
            clean(store)
    assert len(find_cleanup_candidates(store).deleted_runs) == 2
    clean(store)
    assert not find_cleanup_candidates(store)
    assert not any(run.id in key for key in snapshot(store) for run in runs)


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run yet in"):
        find_cleanup_candidates(Store(tmp_path / "missing"))
    assert not (tmp_path / "missing").exists()


def test_the_stage_deletes_only_with_confirm(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_stage(*overrides: str) -> str:
        monkeypatch.setattr(sys, "argv", ["gc", f"paths.mlruns='{store.folder}'", *overrides])
        stage.main()
        return capsys.readouterr().out

    run = deleted_run(store)
    assert "confirm=1" in run_stage()
    with pytest.raises(SystemExit):
        run_stage("confirm=maybe")
    assert "confirm=maybe" in capsys.readouterr().err
    assert run.id in snapshot(store)
    run_stage("confirm=1")
    assert run.id not in snapshot(store)
    assert "nothing to clean" in run_stage("confirm=1")
