"""Cleaning takes what nobody needs, says so before, and never touches what is still written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.entities import ViewType

from ai_mixer.cli.stages import gc as stage
from ai_mixer.tracking.gc import delete_candidates, describe_cleanup
from ai_mixer.tracking.orphans import STALE_AFTER_S, find_cleanup_candidates
from ai_mixer.tracking.process_info import CLOCK_TOLERANCE_S, HOST, PID, STARTED
from ai_mixer.tracking.run import Run
from ai_mixer.tracking.store import Store
from ai_mixer.utils.atomic_write import temporary_name

KILLED_AT_WORK = """
import os, sys
from ai_mixer.tracking import Run, Store
run = Run.start(Store(sys.argv[1]), "train", "cut off")
run.log_text("a: 1", "config.yaml")
print(run.id, flush=True)
os.kill(os.getpid(), 9)
"""


def a_run(store: Store, name: str = "a run", experiment: str = "train") -> Run:
    """One that has ended, with a file, a param, a metric and a tag."""
    with Run.start(store, experiment, name) as run:
        run.log_text("a: 1\n", "config.yaml")
        run.log_params({"lr": 0.1})
        run.log_metrics({"loss": 1.0})
    return run


def deleted_runs(store: Store, name: str = "thrown away", experiment: str = "train") -> Run:
    run = a_run(store, name, experiment)
    store.client.delete_run(run.id)
    return run


def in_progress(store: Store, **tags: str) -> Run:
    """One that is being written by this process, or by whom `tags` say."""
    run = Run.start(store, "train", "in progress")
    run.log_text("a: 1\n", "config.yaml")
    if tags:
        run.set_tags({name.replace("_", "."): value for name, value in tags.items()})
    return run


def aged(path: Path) -> Path:
    """The same path, as if it had been left there long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (1, path.stat().st_mtime - STALE_AFTER_S - 60))
    return path


def orphan(store: Store) -> Path:
    folder = store.artifacts / "train" / ("0123456789abcdef" * 2)
    (folder / "artifacts").mkdir(parents=True)
    (folder / "artifacts" / "model.json").write_text("{}")
    return folder


def everything(store: Store) -> dict[str, object]:
    """All files with their contents, and all runs with what MLflow knows about them."""
    client = store.client
    ids = [e.experiment_id for e in client.search_experiments(view_type=ViewType.ALL)]
    runs = client.search_runs(ids, run_view_type=ViewType.ALL)
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    return {
        **{path.as_posix(): path.read_bytes() for path in files if "mlflow.db" not in path.name},
        **{run.info.run_id: run.to_dictionary() for run in runs},
    }


def cleaned(store: Store) -> None:
    delete_candidates(store, find_cleanup_candidates(store))


def status(store: Store, run_id: str) -> str:
    return store.client.get_run(run_id).info.status


def test_a_tidy_store_has_nothing_to_clean(store: Store) -> None:
    a_run(store)
    found = find_cleanup_candidates(store)
    assert not found
    assert describe_cleanup(store, found).splitlines() == [f"{store.folder}:", "  nothing to clean"]


def test_looking_changes_nothing_and_says_all(store: Store) -> None:
    thrown, lost = deleted_runs(store), orphan(store)
    draft = aged(a_run(store).artifact_dir / ".model.json.7.tmp")
    dead_runs = in_progress(store, process_pid="999999999")
    before = everything(store)
    found = find_cleanup_candidates(store)
    said = describe_cleanup(store, found)
    assert found
    assert everything(store) == before
    for word in (thrown.id[:8], dead_runs.id[:8], lost.name, draft.name, "thrown away", "MB"):
        assert word in said


def test_a_run_in_the_bin_goes_with_all_it_has(store: Store) -> None:
    kept, thrown = a_run(store), deleted_runs(store)
    folder = thrown.artifact_dir.parent
    before = everything(store)
    gone = {key for key in before if thrown.id in key}
    assert len(gone) >= 2  # the row, config.yaml and, with changed code, git.patch
    cleaned(store)
    assert everything(store) == {key: v for key, v in before.items() if key not in gone}
    assert not folder.exists()
    assert store.client.get_metric_history(kept.id, "loss")


def test_an_experiment_in_the_bin_goes_with_its_runs(store: Store) -> None:
    kept, run = a_run(store), a_run(store, experiment="over")
    store.client.delete_experiment(store.client.get_experiment_by_name("over").experiment_id)
    before = everything(store)
    cleaned(store)
    assert everything(store) == {key: v for key, v in before.items() if run.id not in key}
    assert not (store.artifacts / "over").exists()
    assert kept.artifact_dir.is_dir()
    a_run(store, experiment="over")  # the name is free again


def test_a_folder_without_a_run_goes(store: Store) -> None:
    kept, lost = a_run(store), orphan(store)
    mine = store.artifacts / "train" / "notes"
    mine.mkdir()
    cleaned(store)
    assert not lost.exists()
    assert mine.is_dir()  # whatever else somebody put there
    assert (kept.artifact_dir / "config.yaml").is_file()


def test_drafts_nobody_finished_go(store: Store) -> None:
    folder = a_run(store).artifact_dir
    old = [
        aged(folder / ".model.json.7.tmp"),
        aged(folder / "checkpoints" / ".last.ckpt.new"),
        aged(temporary_name(folder / "checkpoints" / "last.ckpt")),
        aged(temporary_name(folder / "overrides")),
        aged(folder / "listening" / ".song_mix.flac.7.tmp"),
        store.folder / ".new-abc",
    ]
    old[-1].mkdir()
    aged(old[-1])
    kept = [
        folder / "checkpoints" / ".best.ckpt.new",  # written a moment ago
        aged(folder / "checkpoints" / "last.ckpt"),
        aged(folder / ".gitignore"),
        aged(folder / "notes.tmp"),
    ]
    kept[0].touch()
    cleaned(store)
    assert [path.exists() for path in old] == [False] * 6
    assert [path.exists() for path in kept] == [True] * 4


def test_a_run_whose_process_was_killed_is_marked(store: Store) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_WORK, str(store.folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9
    run_id = done.stdout.strip()
    assert status(store, run_id) == "RUNNING"
    cleaned(store)
    run = store.client.get_run(run_id)
    assert run.info.status == "KILLED"
    assert run.data.tags["error"] == "the process ended without a word"
    assert run.info.start_time <= run.info.end_time <= run.info.start_time + 60_000
    file = store.artifacts / "train" / run_id / "artifacts" / "config.yaml"
    assert file.read_text() == "a: 1"  # nothing is lost: it can be resumed
    assert not find_cleanup_candidates(store)


def test_a_process_id_used_again_is_another_process(store: Store) -> None:
    run = in_progress(store)
    started = float(run.tags[STARTED])
    assert not find_cleanup_candidates(store)
    run.set_tags({STARTED: f"{started - CLOCK_TOLERANCE_S / 2:.2f}"})  # the clock was set meanwhile
    assert not find_cleanup_candidates(store)
    run.set_tags({STARTED: f"{started - 2 * CLOCK_TOLERANCE_S:.2f}"})
    assert [dead_runs.info.run_id for dead_runs in find_cleanup_candidates(store).dead_runs] == [
        run.id
    ]


@pytest.mark.parametrize("who", ["this process", "another machine", "nobody known"])
def test_what_may_still_be_written_is_left_alone(store: Store, who: str) -> None:
    """Running, running in the bin, and running in an experiment in the bin."""
    living = [in_progress(store) for _ in range(2)]
    living.append(Run.start(store, "over", "in progress"))
    for run in living:
        aged(run.artifact_dir / ".last.ckpt.new")
        if who == "another machine":
            run.set_tags({HOST: "elsewhere", PID: "999999999"})
        if who == "nobody known":
            for name in (HOST, PID, STARTED):
                store.client.delete_tag(run.id, name)
    thrown = deleted_runs(store, experiment="over")
    store.client.delete_run(living[1].id)
    store.client.delete_experiment(store.client.get_experiment_by_name("over").experiment_id)
    before = everything(store)
    found = find_cleanup_candidates(store)
    delete_candidates(store, found)
    assert {run.info.run_id for run in found.active_deleted_runs} == {run.id for run in living[1:]}
    assert everything(store) == {key: v for key, v in before.items() if thrown.id not in key}
    for run in living:
        assert status(store, run.id) == "RUNNING"
        assert run.id[:8] not in describe_cleanup(store, found).partition("left alone")[0]
    assert "left alone" in describe_cleanup(store, found)


def test_moved_runs_are_not_cleaned_by_their_old_address(store: Store, tmp_path: Path) -> None:
    """The database of a copy still names the files of the original."""
    deleted_runs(store)
    copy = Store(shutil.copytree(store.folder, tmp_path / "copy"))
    before = everything(store)
    with pytest.raises(ValueError, match="`make relocate` first"):
        find_cleanup_candidates(copy)
    assert everything(store) == before


def test_a_cleaning_broken_off_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    runs = [deleted_runs(store) for _ in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr(SqlAlchemyStore, "_hard_delete_run", broken)
        with pytest.raises(KeyboardInterrupt):
            cleaned(store)
    assert len(find_cleanup_candidates(store).deleted_runs) == 2
    cleaned(store)
    assert not find_cleanup_candidates(store)
    assert not any(run.id in key for key in everything(store) for run in runs)


def test_without_runs(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run yet in"):
        find_cleanup_candidates(Store(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_the_stage_asks_for_a_plain_yes(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_stage(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["gc", f"paths.mlruns='{store.folder}'", *words])
        stage.main()
        return capsys.readouterr().out

    thrown = deleted_runs(store)
    assert "nothing was touched: `make gc confirm=1` does it" in run_stage()
    with pytest.raises(SystemExit):
        run_stage("go=maybe")
    assert "go=maybe" in capsys.readouterr().err
    assert thrown.id in everything(store)
    assert run_stage("confirm=1").endswith("done\n")
    assert thrown.id not in everything(store)
    assert "nothing to clean" in run_stage("confirm=1")
