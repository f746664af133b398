"""Runs are found by id, prefix, path or `last`, and listed as a table."""

from pathlib import Path

import pytest
import torch

from ai_mixer.tracking.model_files import save_model
from ai_mixer.tracking.run import Run
from ai_mixer.tracking.run_lookup import find_run, list_runs
from ai_mixer.tracking.store import Store


def trained(store: Store, name: str, status: str = "FINISHED") -> Run:
    run = Run.start(store, "train", name)
    save_model(run.artifact_dir, {"w": torch.ones(1)}, {"config": {}, "knobs": [], "trained": []})
    run.log_metrics({"skill": 0.5})
    run.end(status)
    return run


@pytest.fixture
def runs(store: Store) -> dict[str, Run]:
    runs = {"old": trained(store, "old"), "new": trained(store, "new")}
    runs["failed"] = trained(store, "failed", "FAILED")
    runs["empty"] = Run.start(store, "other", "empty")
    runs["empty"].end()
    return runs


def test_last_is_the_newest_finished_run_with_a_model(store: Store, runs: dict[str, Run]) -> None:
    assert find_run("last", store) == runs["new"].artifact_dir
    assert find_run(store=store.folder) == runs["new"].artifact_dir


def test_run_is_found_by_id_and_by_prefix(store: Store, runs: dict[str, Run]) -> None:
    run = runs["old"]
    assert find_run(run.id, store) == find_run(run.id[:12], store) == run.artifact_dir


def test_run_is_found_by_path_without_a_store(
    store: Store, runs: dict[str, Run], tmp_path: Path
) -> None:
    folder = runs["old"].artifact_dir
    missing = tmp_path / "missing"
    for path in (folder, str(folder), folder / "model.json", folder / "model.safetensors"):
        assert find_run(path, missing) == folder


def test_missing_runs_and_models_are_errors(
    store: Store, runs: dict[str, Run], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match=r"no run yet in .*missing"):
        find_run("last", tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    with pytest.raises(FileNotFoundError, match="'zzz'"):
        find_run("zzz", store)
    with pytest.raises(FileNotFoundError, match=r"holds no model\.json"):
        find_run(runs["empty"].id, store)
    with pytest.raises(FileNotFoundError, match=r"holds no model\.json"):
        find_run(tmp_path, store)


def test_ambiguous_prefix_is_an_error(store: Store) -> None:
    ids = [trained(store, "one").id for _ in range(17)]  # two of 17 hex digits are the same
    digit = next(d for d in "0123456789abcdef" if sum(i.startswith(d) for i in ids) > 1)
    with pytest.raises(ValueError, match=f"'{digit}' is ambiguous"):
        find_run(digit, store)


def test_last_needs_a_finished_run_with_a_model(store: Store) -> None:
    trained(store, "failed", "FAILED")
    with pytest.raises(FileNotFoundError, match="no finished run with a model"):
        find_run("last", store)


def test_table_of_runs(store: Store, runs: dict[str, Run]) -> None:
    table = list_runs(store)
    assert len(table) == 4
    row = table.set_index("name").loc["new"]
    assert row["run_id"] == runs["new"].id
    assert row["metrics.skill"] == 0.5
    assert row["model"]
    assert row["duration_s"] >= 0
    assert list(list_runs(store, "other")["name"]) == ["empty"]
    with pytest.raises(ValueError, match=r"'nonsense'.*Default, other, train"):
        list_runs(store, "nonsense")


def test_table_without_runs_is_empty(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "missing").empty
    assert not (tmp_path / "missing").exists()
