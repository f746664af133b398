"""Runs as a table: one row per configuration, the mean over its seeds, and who is in no row."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import t as student_t

from ai_mixer.tracking import Run, Store, list_runs
from ai_mixer.tracking.aggregate import MEASURES, RunTable, aggregate_runs
from ai_mixer.tracking.model_files import count_parameters, save_model

CARD: dict[str, Any] = {"config": {}, "knobs": [], "trained": []}


def made(
    store: Store,
    skill: float | None,
    params: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    status: str = "FINISHED",
    parent: str | None = None,
) -> Run:
    """A run with hand-made figures; `skill` is its blind skill, the others follow from it."""
    params = {"group": {"model": "cnn", "data": "band"}, **(params or {})}
    run = Run.start(store, "train", "some name", tags, parent_id=parent)
    run.log_params(params)
    words = [f"{name}={value}" for name, value in params.items()]
    words = [word for word in words if not word.startswith(("group", "loader", "callbacks"))]
    (run.artifact_dir / "overrides.json").write_text(json.dumps(["model=cnn", *words]))
    if skill is not None:
        figures = {"skill_blind": skill, "skill_paired": skill + 0.1, "closeness_blind": skill / 2}
        run.log_metrics({f"test/{name}": value for name, value in figures.items()})
    run.end(status)
    return run


def reported(store: Store, **options: Any) -> RunTable:
    return aggregate_runs(list_runs(store), **options)


def test_seeds_are_one_row_with_student_s_interval(store: Store) -> None:
    values = [0.1, 0.25, 0.22]
    for seed, skill in enumerate(values):
        # A seed of 0 is the default and no param; names and workers are no settings either.
        own = {"seed": seed, "loader": {"seed": seed}, "callbacks": {"reseed": {"seed": seed}}}
        made(store, skill, {"run_name": f"run {seed}", **(own if seed else {})})
    found = reported(store)
    (row,) = found.table.to_dict("records")
    tensor = torch.tensor(values, dtype=torch.float64)
    half = student_t.ppf(0.975, 2) * float(tensor.std()) / math.sqrt(3)
    assert row["skill blind"] == pytest.approx(float(tensor.mean()))
    assert row["skill blind_high"] - row["skill blind"] == pytest.approx(half)
    assert row["skill blind"] - row["skill blind_low"] == pytest.approx(half)
    assert row["closeness blind"] == pytest.approx(float(tensor.mean()) / 2)
    assert math.isnan(row["skill reference"])
    assert (row["runs"], row["songs"]) == ("3 seeds", "band")
    assert "seed" not in row["words"]
    assert row["minutes"] >= 0
    assert found.excluded == {}


@pytest.mark.parametrize(
    ("params", "tags"),
    [
        ({"lr": 0.1}, {}),
        ({"model": {"width": 8}}, {}),
        ({}, {"data.digest": "0123456789"}),
        ({}, {"model.encoder": "scratch"}),  # what it fell back to
        ({}, {"resumed.lr": "0.2"}),
    ],
)
def test_any_setting_is_another_row(
    store: Store, params: dict[str, Any], tags: dict[str, str]
) -> None:
    made(store, 0.1)
    made(store, 0.2, params, tags)
    table = reported(store).table
    assert table["skill blind"].tolist() == [0.2, 0.1]
    assert table["runs"].tolist() == ["1 run", "1 run"]
    assert table["skill blind_low"].isna().all()  # of one run there is no interval


def test_the_best_is_first_and_the_unknown_last(store: Store) -> None:
    for number, skill in enumerate([0.1, math.nan, 0.3]):
        run = made(store, skill, {"lr": number})
        run.log_metrics({"test/closeness_reference": -number})
    table = reported(store).table
    assert table["skill blind"].tolist()[:2] == [0.3, 0.1]
    assert math.isnan(table["skill blind"][2])
    by = reported(store, by="closeness reference").table
    assert by["closeness reference"].tolist() == [0, -1, -2]
    with pytest.raises(ValueError, match="by=skill: is none of skill blind, skill reference"):
        reported(store, by="skill")


def test_who_is_in_no_row_and_why(store: Store) -> None:
    old = made(store, 0.1)
    new = made(store, 0.3)
    excluded = {
        old.id: "of the same seed as a newer one",
        made(store, 0.9, status="FAILED").id: "failed",
        made(store, 0.9, status="KILLED").id: "killed",
        made(store, None).id: "without tables",
        made(store, 0.9, parent=new.id).id: "part of another run",
    }
    going = Run.start(store, "train", "going on")
    found = reported(store)
    assert found.excluded == {**excluded, going.id: "not finished"}
    assert found.table["skill blind"].tolist() == [0.3]


def test_a_cross_validation_is_one_run_with_its_own_interval(store: Store) -> None:
    parent = made(store, 0.2, tags={"cv": "5"})
    parent.log_metrics({"test/skill_low_blind": 0.1, "test/skill_high_blind": 0.3})
    for fold in range(5):
        made(store, 0.9, {"data": {"fold": f"{fold}/5"}}, parent=parent.id)
    (row,) = reported(store).table.to_dict("records")
    assert [row[f"skill blind{end}"] for end in ("", "_low", "_high")] == [0.2, 0.1, 0.3]
    assert row["runs"] == "5 folds"


def test_two_seeds_of_a_cross_validation(store: Store) -> None:
    for seed in (1, 2):
        parent = made(store, 0.1 * seed, tags={"cv": "5"})
        (parent.artifact_dir / "overrides.json").write_text(json.dumps([f"seed={seed}", "cv=5"]))
    (row,) = reported(store).table.to_dict("records")
    assert row["runs"] == "2 seeds × 5 folds"
    assert row["skill blind"] == pytest.approx(0.15)


def test_the_words_are_quoted_and_say_nothing_of_where_the_music_is(store: Store) -> None:
    run = made(store, 0.1)
    words = ["data.root=/my music", "note=two words", "paths.data=data"]
    (run.artifact_dir / "overrides.json").write_text(json.dumps(words))
    assert reported(store).table["words"].tolist() == ["'note=two words'"]


def test_cross_validations_of_two_collections_are_two_rows(store: Store) -> None:
    for number in range(2):
        parent = made(store, 0.1, tags={"cv": "5"})
        words = [f"data.root=/music/{number}", "cv=5"]
        (parent.artifact_dir / "overrides.json").write_text(json.dumps(words))
    assert len(reported(store).table) == 2


def test_weights_are_counted_in_the_head_of_the_file(store: Store, tmp_path: Path) -> None:
    run = made(store, 0.1)
    save_model(run.artifact_dir, {"w": torch.ones(3, 4), "b": torch.ones(5)}, CARD)
    assert reported(store).table["weights"].tolist() == [17e-6]
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 20)
    assert count_parameters(tmp_path) is None
    assert count_parameters(tmp_path / "nowhere") is None


def test_no_runs_make_an_empty_table(store: Store) -> None:
    found = reported(store)
    assert found.table.empty
    assert set(MEASURES) <= set(found.table.columns)


def test_a_search_as_mlflow_writes_it(store: Store) -> None:
    made(store, 0.1)
    made(store, 0.3, {"lr": 0.1})
    assert len(list_runs(store, where="metrics.`test/skill_blind` > 0.2")) == 1
    assert len(list_runs(store, "train", "params.lr = '0.1'")) == 1
    with pytest.raises(ValueError, match=r"where=nonsense: .*a search looks like"):
        list_runs(store, where="nonsense")
