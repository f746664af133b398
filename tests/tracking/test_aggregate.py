"""Runs aggregated to one row per configuration: mean over seeds, and excluded runs."""

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
from ai_mixer.tracking.report import report_text

CARD: dict[str, Any] = {"config": {}, "knobs": [], "trained": []}


def create_run(
    store: Store,
    skill: float | None,
    params: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    status: str = "FINISHED",
    parent: str | None = None,
) -> Run:
    """A run with given metrics: `skill` is its blind skill, the others follow from it."""
    params = {"group": {"model": "cnn", "data": "band"}, **(params or {})}
    run = Run.start(store, "train", "some name", tags, parent_id=parent)
    run.log_params(params)
    overrides = [f"{name}={value}" for name, value in params.items()]
    overrides = [x for x in overrides if not x.startswith(("group", "loader", "callbacks"))]
    (run.artifact_dir / "overrides.json").write_text(json.dumps(["model=cnn", *overrides]))
    if skill is not None:
        metrics = {"skill_blind": skill, "skill_paired": skill + 0.1, "closeness_blind": skill / 2}
        run.log_metrics({f"test_{name}": value for name, value in metrics.items()})
    run.end(status)
    return run


def aggregate(store: Store, **options: Any) -> RunTable:
    return aggregate_runs(list_runs(store), **options)


def test_seeds_are_one_row_with_students_interval(store: Store) -> None:
    values = [0.1, 0.25, 0.22]
    for seed, skill in enumerate(values):
        # Seed 0 is the default, so it is no param; names and workers are not settings.
        own = {"seed": seed, "loader": {"seed": seed}, "callbacks": {"reseed": {"seed": seed}}}
        create_run(store, skill, {"run_name": f"run {seed}", **(own if seed else {})})
    result = aggregate(store)
    (row,) = result.table.to_dict("records")
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
    assert result.excluded == {}


@pytest.mark.parametrize(
    ("params", "tags"),
    [
        ({"lr": 0.1}, {}),
        ({"model": {"width": 8}}, {}),
        ({}, {"data.digest": "0123456789"}),
        ({}, {"model.encoder": "scratch"}),  # fallback of the encoder
        ({}, {"resumed.lr": "0.2"}),
    ],
)
def test_a_different_setting_is_another_row(
    store: Store, params: dict[str, Any], tags: dict[str, str]
) -> None:
    create_run(store, 0.1)
    create_run(store, 0.2, params, tags)
    table = aggregate(store).table
    assert table["skill blind"].tolist() == [0.2, 0.1]
    assert table["runs"].tolist() == ["1 run", "1 run"]
    assert table["skill blind_low"].isna().all()  # no interval for one run


def test_rows_are_sorted_by_a_measure_with_nan_last(store: Store) -> None:
    for number, skill in enumerate([0.1, math.nan, 0.3]):
        run = create_run(store, skill, {"lr": number})
        run.log_metrics({"test_closeness_reference": -number})
    table = aggregate(store).table
    assert table["skill blind"].tolist()[:2] == [0.3, 0.1]
    assert math.isnan(table["skill blind"][2])
    by = aggregate(store, by="closeness reference").table
    assert by["closeness reference"].tolist() == [0, -1, -2]
    with pytest.raises(ValueError, match=r"by=skill.*skill blind, skill reference"):
        aggregate(store, by="skill")


@pytest.mark.slow
def test_excluded_runs_have_a_reason(store: Store) -> None:
    old = create_run(store, 0.1)
    new = create_run(store, 0.3)
    excluded = {
        old.id: "of the same seed as a newer one",
        create_run(store, 0.9, status="FAILED").id: "failed",
        create_run(store, 0.9, status="KILLED").id: "killed",
        create_run(store, None).id: "without tables",
        create_run(store, 0.9, parent=new.id).id: "part of another run",
    }
    running = Run.start(store, "train", "running")
    result = aggregate(store)
    assert result.excluded == {**excluded, running.id: "not finished"}
    assert result.table["skill blind"].tolist() == [0.3]


@pytest.mark.slow
def test_a_cross_validation_is_one_run_with_its_interval(store: Store) -> None:
    parent = create_run(store, 0.2, tags={"cv": "5"})
    parent.log_metrics({"test_skill_low_blind": 0.1, "test_skill_high_blind": 0.3})
    for fold in range(5):
        create_run(store, 0.9, {"data": {"fold": f"{fold}/5"}}, parent=parent.id)
    (row,) = aggregate(store).table.to_dict("records")
    assert [row[f"skill blind{end}"] for end in ("", "_low", "_high")] == [0.2, 0.1, 0.3]
    assert row["runs"] == "5 folds"


def test_two_seeds_of_a_cross_validation_are_one_row(store: Store) -> None:
    for seed in (1, 2):
        parent = create_run(store, 0.1 * seed, tags={"cv": "5"})
        (parent.artifact_dir / "overrides.json").write_text(json.dumps([f"seed={seed}", "cv=5"]))
    (row,) = aggregate(store).table.to_dict("records")
    assert row["runs"] == "2 seeds × 5 folds"
    assert row["skill blind"] == pytest.approx(0.15)


def test_row_has_the_ids_of_its_runs(store: Store) -> None:
    ids = [create_run(store, 0.1, {"seed": seed}).id for seed in (1, 2)]
    assert aggregate(store).table["ids"].tolist() == [f"{ids[1][:8]} {ids[0][:8]}"]


def test_only_rows_of_the_same_songs_are_ranked(store: Store) -> None:
    for number, (digest, skill) in enumerate([("a", 0.1), ("b", 0.3), ("a", 0.2), ("b", 0.4)]):
        create_run(store, skill, {"lr": number}, {"data.digest": digest})
    table = aggregate(store).table
    assert table["song_set"].tolist() == ["b", "b", "a", "a"]
    assert table["skill blind"].tolist() == [0.4, 0.3, 0.2, 0.1]


def test_seeds_of_a_repeated_training_are_counted_and_their_mean_is_not(store: Store) -> None:
    parent = create_run(store, 0.3, tags={"seeds": "2"})
    for seed, skill in enumerate([0.2, 0.4]):
        create_run(store, skill, {"seed": seed}, {"seeds.seed": str(seed)}, parent=parent.id)
    result = aggregate(store)
    assert result.table["runs"].tolist() == ["2 seeds"]
    assert result.excluded == {parent.id: "mean over the seeds of other runs"}


def test_overrides_are_quoted_and_without_paths(store: Store) -> None:
    run = create_run(store, 0.1)
    overrides = ["data.root=/my music", "note=two overrides", "paths.data=data"]
    (run.artifact_dir / "overrides.json").write_text(json.dumps(overrides))
    assert aggregate(store).table["words"].tolist() == ["'note=two overrides'"]


def test_cross_validations_of_two_collections_are_two_rows(store: Store) -> None:
    for number in range(2):
        parent = create_run(store, 0.1, tags={"cv": "5"})
        overrides = [f"data.root=/music/{number}", "cv=5"]
        (parent.artifact_dir / "overrides.json").write_text(json.dumps(overrides))
    assert len(aggregate(store).table) == 2


def test_parameters_are_counted_from_the_file_header(store: Store, tmp_path: Path) -> None:
    run = create_run(store, 0.1)
    save_model(run.artifact_dir, {"w": torch.ones(3, 4), "b": torch.ones(5)}, CARD)
    assert aggregate(store).table["weights"].tolist() == [17e-6]
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 20)
    assert count_parameters(tmp_path) is None
    assert count_parameters(tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("songs", "shown", "interval"),
    [((12, 12), True, True), ((12, 7), True, False), ((2, 2), False, False)],
)
def test_figures_have_the_number_of_songs_and_none_rests_on_two(
    store: Store, songs: tuple[int, int], shown: bool, interval: bool
) -> None:
    for seed, count in enumerate(songs):
        create_run(store, 0.1, {"seed": seed} if seed else {}).log_metrics({"test_songs": count})
    run_table = aggregate(store)
    (row,) = run_table.table.to_dict("records")
    assert row["skill blind_songs"] == min(songs)
    assert math.isnan(row["skill blind"]) is not shown
    assert math.isnan(row["skill blind_low"]) is not interval
    figure = f"{'0.10' if shown else '–'}{' [0.10, 0.10]' if interval else ''}, n = {min(songs)} |"
    assert f"| {figure}" in report_text(run_table)


def test_figures_of_runs_that_did_not_log_the_number_of_songs_are_shown(store: Store) -> None:
    create_run(store, 0.1)
    assert "| 0.10 |" in report_text(aggregate(store))


def test_table_without_runs_is_empty(store: Store) -> None:
    result = aggregate(store)
    assert result.table.empty
    assert set(MEASURES) <= set(result.table.columns)


def test_runs_are_filtered_by_mlflows_search(store: Store) -> None:
    create_run(store, 0.1)
    create_run(store, 0.3, {"lr": 0.1})
    assert len(list_runs(store, where="metrics.`test_skill_blind` > 0.2")) == 1
    assert len(list_runs(store, "train", "params.lr = '0.1'")) == 1
    with pytest.raises(ValueError, match="where=nonsense"):
        list_runs(store, where="nonsense")
