"""Pairwise comparison: scores equal those of the tables; differences are paired."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from ai_mixer.console.load import load_console
from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.baselines.model import convert_positions
from ai_mixer.evaluation.comparison.pairwise import (
    closeness_by_song,
    pairwise_differences,
    run_scores,
    skill_difference,
)
from ai_mixer.metrics.statistics import skill_estimates

FAR = {"rough": 2.0, "mean_knobs": 1.8, "A": 1.0, "B": 1.2}
ERRORS = {"rough": np.nan, "mean_knobs": 0.2, "A": 0.05, "B": 0.1}


@pytest.fixture
def records():
    """Six songs of different difficulty; the ratio between A and B is the same on each."""
    return pd.DataFrame(
        {
            **{"song_id": f"song {song}", "genre": "rock", "condition": condition},
            **{"system": system, "spectrum_db": 1, "loudness_lu": 1, "crest_db": 1, "width_db": 1},
            **{"stft": far * (1 + song), "error/low_eq": ERRORS[system] * (1 + song)},
        }
        for condition in CONDITIONS
        for system, far in FAR.items()
        for song in range(6)
    )


def test_run_scores_equal_those_of_the_tables(records):
    table = run_scores(records, ["A", "B"])
    assert list(table.index) == ["A", "B", "mean_knobs", "rough"]
    assert table["skill blind"].tolist()[:2] == pytest.approx([0.75, 0.5])
    assert table["closeness paired"].tolist() == pytest.approx([0.5, 0.4, 0.1, 0])
    assert np.isnan(table["skill blind"]["rough"])


def test_interval_of_a_constant_difference_has_zero_width(records):
    """The interval of each system alone is wide over such songs."""
    (row,) = pairwise_differences(records, ["A", "B"]).to_dict("records")
    assert [row[f"closeness blind{end}"] for end in ("", "_low", "_high")] == pytest.approx(
        [0.1] * 3
    )
    assert [row[f"skill blind{end}"] for end in ("", "_low", "_high")] == pytest.approx([0.25] * 3)
    assert list(pairwise_differences(records, ["B", "A"]).index) == ["B − A"]


def test_three_runs_give_three_pairs(records):
    third = records[records["system"] == "A"].assign(system="C")
    table = pairwise_differences(pd.concat([records, third]), ["A", "B", "C"])
    assert list(table.index) == ["A − B", "A − C", "B − C"]
    counts = table.filter(regex="_songs$").columns
    assert table.loc["A − C", counts].eq(6).all()
    assert table.loc["A − C"].drop(counts).tolist() == pytest.approx([0] * 3 * len(counts))


def test_skill_difference_equals_the_difference_of_skills():
    rng = np.random.default_rng(0)
    errors, songs = rng.uniform(0, 1, (40, 4, 3)), rng.integers(0, 9, 40)
    errors[rng.random((40, 4)) < 0.2] = np.nan  # masked for all
    one, two = (skill_estimates(errors[..., n], errors[..., 2], songs)[1].value for n in (0, 1))
    difference = skill_difference(errors, songs)
    assert difference.value == pytest.approx(one - two)
    assert difference.low < difference.value < difference.high
    assert difference.songs == 9
    swapped = skill_difference(errors[..., [1, 0, 2]], songs)
    assert [swapped.value, swapped.low, swapped.high] == pytest.approx(
        [-difference.value, -difference.high, -difference.low]
    )


def test_an_error_missing_for_one_model_is_ignored_for_all():
    errors = np.random.default_rng(0).uniform(0, 1, (6, 2, 3))
    without = errors.copy()
    without[:, 1, 0] = np.nan
    songs = np.arange(6)
    assert skill_difference(without, songs) == skill_difference(errors[:, :1], songs)


def test_song_with_the_largest_difference_comes_first(records):
    records.loc[(records["system"] == "B") & (records["song_id"] == "song 3"), "stft"] = 0.0
    table = closeness_by_song(records, ["A", "B"])
    assert table.index[0] == "song 3"
    assert table.loc["song 3"].tolist() == pytest.approx([0.5, 1.0])


def test_convert_positions_keeps_physical_values():
    """Also outside the other console's range."""
    wide, musical = (SimpleNamespace(console=load_console(ranges=r)) for r in ("wide", "musical"))
    knobs = torch.rand(3, len(wide.console.knobs), generator=torch.Generator().manual_seed(0))
    assert convert_positions(wide, wide, knobs) is knobs
    converted = convert_positions(wide, musical, knobs)
    low_eq = wide.console.names.index("low_eq")
    value = [song["low_eq"] for song in wide.console.settings(knobs)]
    assert converted[:, low_eq].tolist() == pytest.approx([(v + 3) / 6 for v in value], abs=1e-5)
    pairs = zip(musical.console.knobs, wide.console.knobs, strict=True)
    for column, (knob, original) in enumerate(pairs):
        physical = knob.to_physical(converted[:, column])
        assert physical.allclose(original.to_physical(knobs[:, column]), rtol=1e-4, atol=1e-4)
    fewer = SimpleNamespace(console=SimpleNamespace(knobs=wide.console.knobs[:1]))
    assert convert_positions(wide, fewer, knobs).shape == (3, 1)
    alone = SimpleNamespace(
        console=SimpleNamespace(
            knobs=wide.console.knobs[:1], settings=lambda _: [{"input_gain": 1.0}] * 3
        )
    )
    assert convert_positions(alone, wide, knobs)[:, 1:].isnan().all()
