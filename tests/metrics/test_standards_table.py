"""Tables of protocol S from hand-made records."""

import numpy as np
import pandas as pd
import pytest
import torch

from ai_mixer.console.load import load_console
from ai_mixer.metrics.knob_use import at_bounds, knob_use, position_std
from ai_mixer.metrics.standards import BANDS, CHECKS, standards
from ai_mixer.metrics.standards_table import table_bands, table_s, table_scores
from ai_mixer.utils.markdown import to_markdown


@pytest.fixture
def records():
    """Two songs of two genres, two excerpts each; one excerpt of the second song is too loud."""
    rows = []
    for song, genre in (("a", "rock"), ("b", "jazz")):
        for take in range(2):
            for system in ("rough", "model"):
                row = {"song_id": song, "genre": genre, "condition": "blind", "system": system}
                error = {"rough": -2.0, "model": 0.5 if song == "a" else 4.0 - 4.0 * take}[system]
                row["standard/loudness_error_lu"] = error
                row["standard/loudness_lufs"] = error - 14
                row["standard/crest_db"] = np.nan if system == "rough" else 12.0
                if system == "model":
                    row["standard/at_bounds"] = 0.5 * take
                    row |= {"position/one": 0.2 if song == "a" else 0.6, "position/two": 0.5}
                for number, band in enumerate(BANDS):
                    row[f"standard/{band}_db"] = -float(number)
                    row[f"standard/{band}_error_db"] = 0.0
                rows.append(row)
    return pd.DataFrame(rows)


def test_shares_average_excerpts_within_songs_then_songs(records):
    table = table_s(records)
    assert table.index.names == ["condition", "genre", "system"]
    model, rough = (table.loc[("blind", "all", name)] for name in ("model", "rough"))
    assert model["songs"] == 2
    assert model["within 1 LU"] == pytest.approx(0.75)  # all of a, half of b
    assert (rough["within 1 LU"], rough["within 3 LU"]) == (0.0, 1.0)
    assert model["within 1 LU_low"] <= model["within 1 LU"] <= model["within 1 LU_high"]
    assert model["loudness_lufs"] == pytest.approx(-14 + (0.5 + 2.0) / 2)
    assert table.loc[("blind", "jazz", "model"), "within 1 LU"] == 0.5


def test_nan_values_and_missing_columns_are_left_out(records):
    table = table_s(records)
    assert np.isnan(table.loc[("blind", "all", "rough"), "crest 8–15 dB"])
    assert table.loc[("blind", "all", "model"), "crest 8–15 dB"] == 1.0
    assert "THD+N < 0.1 %" not in table
    assert "at_bounds" not in table_s(records.drop(columns="standard/at_bounds"))


def test_table_has_the_knob_usage(records):
    model = table_s(records).loc[("blind", "all", "model")]
    assert model["at_bounds"] == pytest.approx(0.25)
    assert model["spread"] == pytest.approx((0.2 + 0.0) / 2)
    assert np.isnan(table_s(records).loc[("blind", "all", "rough"), "spread"])


def test_tables_do_not_depend_on_the_order_of_records(records):
    shuffled = records.sample(frac=1, random_state=0)
    for table in (table_s, table_bands):
        expected, got = table(records), table(shuffled)
        pd.testing.assert_frame_equal(got.loc[expected.index], expected)


def test_tables_as_markdown(records):
    bands = table_bands(records)
    assert bands.loc[("blind", "all", "model"), "highs_db"] == -4.0
    assert "within 1 LU" in to_markdown(table_s(records)).splitlines()[0]
    assert len(to_markdown(bands).splitlines()) == 2 + 6


def test_table_of_measured_records():
    x = 0.1 * torch.randn(2, 2, 44100, generator=torch.Generator().manual_seed(0))
    console = load_console()
    columns = standards(x, x, x, 44100) | knob_use(console.knobs, torch.rand(2, 10))
    names = {"song_id": ["a", "b"], "genre": "rock", "condition": "blind", "system": "model"}
    table = table_s(pd.DataFrame(names | {n: v.tolist() for n, v in columns.items()}))
    assert table.loc[("blind", "all", "model"), "RMS 0.8–1.2"] == 1.0
    assert {label for label in CHECKS if label not in table} == {"THD+N < 0.1 %"}


def test_at_bounds_ignores_knobs_at_neutral():
    neutral = torch.tensor([0.5, 0.0, 0.5, 1.0])
    positions = torch.tensor([[0.5, 0.0, 0.5, 1.0], [0.0, 1.0, 1.0, 0.995], [0.02, 0.5, 0.98, 0.0]])
    assert at_bounds(positions, neutral).tolist() == [0.0, 0.75, 0.25]


def test_position_std_is_0_for_equal_and_half_for_opposite_positions():
    assert position_std(torch.full((5, 2), 0.3)).abs().max() < 1e-9
    assert position_std(torch.tensor([[0.0], [1.0]])).item() == 0.5
    with pytest.raises(ValueError, match="3 positions for 10 knobs"):
        knob_use(load_console().knobs, torch.zeros(2, 3))


def test_table_scores_are_means_over_songs_of_systems_with_scores():
    rows = [("a", "model", 0.2), ("a", "model", 0.4), ("b", "model", 0.9), ("a", "ridge", np.nan)]
    records = pd.DataFrame(rows, columns=["song_id", "system", "score/balance"])
    table = table_scores(records.assign(condition="blind"))
    assert table.index.tolist() == [("blind", "model")]
    assert table["songs"].tolist() == [2]
    assert table["score/balance"].tolist() == pytest.approx([0.6])
    assert table_scores(records.drop(columns="score/balance").assign(condition="blind")).empty
