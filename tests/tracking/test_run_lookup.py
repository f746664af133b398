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
    made = {"old": trained(store, "old"), "new": trained(store, "new")}
    made["broken"] = trained(store, "broken", "FAILED")
    made["empty"] = Run.start(store, "other", "empty")
    made["empty"].end()
    return made


def test_last_is_the_newest_finished_run_with_a_model(store: Store, runs: dict[str, Run]) -> None:
    assert find_run("last", store) == runs["new"].artifact_dir
    assert find_run(store=store.folder) == runs["new"].artifact_dir


def test_by_id_and_by_its_beginning(store: Store, runs: dict[str, Run]) -> None:
    run = runs["old"]
    assert find_run(run.id, store) == find_run(run.id[:12], store) == run.artifact_dir


def test_by_path_without_a_store(store: Store, runs: dict[str, Run], tmp_path: Path) -> None:
    folder = runs["old"].artifact_dir
    nowhere = tmp_path / "nowhere"
    for path in (folder, str(folder), folder / "model.json", folder / "model.safetensors"):
        assert find_run(path, nowhere) == folder


def test_errors_say_the_way_out(store: Store, runs: dict[str, Run], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no run yet in .*: `make train` makes one"):
        find_run("last", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(FileNotFoundError, match="no run, folder or file 'zzz'"):
        find_run("zzz", store)
    with pytest.raises(FileNotFoundError, match=r"holds no model\.json"):
        find_run(runs["empty"].id, store)
    with pytest.raises(FileNotFoundError, match=r"holds no model\.json"):
        find_run(tmp_path, store)


def test_an_ambiguous_beginning(store: Store) -> None:
    ids = [trained(store, "one").id for _ in range(17)]  # two of 17 hex digits are the same
    digit = next(d for d in "0123456789abcdef" if sum(i.startswith(d) for i in ids) > 1)
    with pytest.raises(ValueError, match=r"is ambiguous .* give more of the id"):
        find_run(digit, store)


def test_no_finished_run_with_a_model(store: Store) -> None:
    trained(store, "broken", "FAILED")
    with pytest.raises(FileNotFoundError, match="no finished run with a model"):
        find_run("last", store)


def test_runs_as_a_table(store: Store, runs: dict[str, Run]) -> None:
    table = list_runs(store)
    assert len(table) == 4
    row = table.set_index("name").loc["new"]
    assert row["run_id"] == runs["new"].id
    assert row["metrics.skill"] == 0.5
    assert row["model"]
    assert row["duration_s"] >= 0
    assert list(list_runs(store, "other")["name"]) == ["empty"]
    with pytest.raises(ValueError, match="there are: Default, other, train"):
        list_runs(store, "nonsense")


def test_an_empty_table(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "nowhere").empty
    assert not (tmp_path / "nowhere").exists()
