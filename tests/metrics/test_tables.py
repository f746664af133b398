"""Tables K and A from hand-made records."""

import numpy as np
import pandas as pd
import pytest

from ai_mixer.metrics.tables import table_a, table_applied, table_headline, table_k, to_markdown

SYSTEMS = {"rough": None, "mean_knobs": 1.0, "model": 0.6, "true_knobs": 0.0}
STFT = {"rough": 1.0, "mean_knobs": 0.9, "model": 0.4, "true_knobs": 0.0}


@pytest.fixture
def records():
    rng = np.random.default_rng(0)
    rows = []
    for song in range(10):
        for excerpt in range(3):
            base = dict(
                zip(("total_gain", "low_eq", "input_gain"), rng.uniform(0.1, 0.4, 3), strict=True)
            )
            for condition, factor in (("blind", 1.0), ("paired", 0.5)):
                for system, share in SYSTEMS.items():
                    row = {"song_id": f"s{song}", "genre": "rock" if song < 6 else "jazz"}
                    row |= {"condition": condition, "system": system}
                    if share is not None:
                        hard = 1.0 if system == "mean_knobs" else share * factor
                        row |= {f"error/{name}": hard * value for name, value in base.items()}
                        row["error/reverb"] = np.nan
                        row["error_db/total_gain"] = 36 * row["error/total_gain"]
                    d = STFT[system] * (1.0 + song / 10)
                    row |= {"stft": d, "spectrum_db": 2 * d, "loudness_lu": d}
                    row |= {"crest_db": d, "width_db": excerpt}
                    rows.append(row)
    return pd.DataFrame(rows)


def test_table_k_has_the_rows_of_the_protocol(records):
    table = table_k(records)
    assert list(table.index) == [
        *("total_gain", "low_eq", "reverb", "input_gain"),
        *("headline", "all", "headline, jazz", "headline, rock"),
    ]
    blind = table["blind"]
    assert blind.loc["headline", "skill"] == pytest.approx(0.4)
    assert table.loc["all", ("paired", "skill")] == pytest.approx(0.7)
    assert np.isnan(blind.loc["reverb", "skill"])
    assert blind.loc["headline", "songs"] == 10
    assert blind.loc["headline, jazz", "songs"] == 4


def test_table_k_mae_equals_the_mean_of_the_records(records):
    table = table_k(records)
    model = records[(records["system"] == "model") & (records["condition"] == "blind")]
    low, gain = model["error/low_eq"].mean(), model["error/total_gain"].mean()
    assert table.loc["low_eq", ("blind", "mae")] == pytest.approx(low)
    assert table.loc["headline", ("blind", "mae")] == pytest.approx((low + gain) / 2)


def test_table_k_skill_is_0_for_mean_knobs_and_1_for_true_knobs(records):
    for system, expected in (("mean_knobs", 0.0), ("true_knobs", 1.0)):
        skills = table_k(records, system)["blind"]["skill"].dropna()
        assert set(skills) == {expected}


def test_table_a_closeness_of_known_distances(records):
    table = table_a(records)
    assert table.index.names == ["condition", "genre", "system"]
    model = table.loc[("blind", "all", "model")]
    assert model["closeness"] == pytest.approx(0.6)
    assert model["closer"] == 1.0
    assert model["songs"] == 10
    assert model["stft"] == pytest.approx(0.4 * 1.45)
    assert model["width_db"] == pytest.approx(1.0)
    assert table.loc[("blind", "all", "rough"), "closeness"] == 0.0
    assert table.loc[("blind", "all", "rough"), "closer"] == 0.0
    assert table.loc[("paired", "jazz", "true_knobs"), "closeness"] == 1.0
    assert table.loc[("paired", "jazz", "true_knobs"), "songs"] == 4


def test_tables_do_not_depend_on_the_order_of_systems(records):
    shuffled = records.sort_values("system", kind="stable")
    pd.testing.assert_frame_equal(table_k(shuffled), table_k(records))
    pd.testing.assert_frame_equal(table_a(shuffled), table_a(records))


def test_missing_excerpts_and_systems_are_errors(records):
    lost = records.drop(records.index[records["system"] == "model"][0])
    with pytest.raises(ValueError, match="'model' under 'blind' lacks 1 "):
        table_k(lost)
    with pytest.raises(ValueError, match="'mean_knobs'"):
        table_k(records[records["system"] != "mean_knobs"])


def test_markdown_shows_intervals_and_marks_nan(records):
    lines = to_markdown(table_k(records)).splitlines()
    assert lines[0].startswith("| knob | blind mae | blind skill | blind songs | paired mae |")
    assert lines[1].startswith("| --- | ---: | ---: |")
    assert "| headline | " in lines[6]
    assert "| 0.40 [0.40, 0.40] | 10 |" in lines[6]
    assert "| reverb | – | – | 0 |" in lines[4]
    rows = to_markdown(table_a(records), digits=1).splitlines()
    assert rows[0].startswith("| condition | genre | system | songs | closeness | closer | stft |")
    assert len({line.count("|") for line in rows}) == 1


def test_markdown_of_a_small_table():
    table = pd.DataFrame(
        {"a": [1.0, np.nan], "a_low": [0.5, 0.0], "a_high": [2.0, 0.0]}, ["x", "y"]
    )
    assert to_markdown(table, 1) == "|  | a |\n| --- | ---: |\n| x | 1.0 [0.5, 2.0] |\n| y | – |\n"


def test_table_headline_equals_each_systems_table_k(records):
    few = records[(records["system"] == "model") & (records["condition"] == "paired")]
    few = few.assign(system="fitted")
    few.loc[few["song_id"] > "s4", [name for name in few if "error" in name]] = np.nan
    headline = table_headline(pd.concat([records, few]))
    assert list(headline.index) == ["mean_knobs", "model", "fitted", "true_knobs"]
    assert headline.loc["mean_knobs", "blind"] == 0
    for system in ("model", "true_knobs"):
        own = table_k(records, system).loc["headline"]
        assert headline.loc[system, "blind_low"] == own["blind", "skill_low"]
    assert np.isnan(headline.loc["fitted", "blind"])
    assert headline.loc["fitted", "paired"] == pytest.approx(0.7)


def test_table_applied_has_the_skill_of_the_applied_knobs(records):
    """A row per system whose applied knobs differ; the floor is the same."""
    columns = [name for name in records if name.startswith("error")]
    for name in columns:
        records[f"applied_{name}"] = records[name]
    assert len(table_applied(records)) == 0
    model = records["system"] == "model"
    records.loc[model, [f"applied_{name}" for name in columns]] *= 1.5
    table = table_applied(records)
    assert list(table.index) == ["model, applied"]
    assert table["blind"]["model, applied"] == pytest.approx(1 - 0.6 * 1.5)
    assert table_headline(records)["blind"]["model"] == pytest.approx(0.4)


def test_table_applied_is_empty_without_known_knobs(records):
    columns = [name for name in records if name.startswith("error")]
    assert len(table_applied(records)) == 0
    records[columns] = np.nan
    for name in columns:
        records[f"applied_{name}"] = np.nan
    assert len(table_applied(records)) == 0
