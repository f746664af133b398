"""Significance tests of the model against each system, and the verdicts."""

import numpy as np
import pandas as pd
import pytest

from ai_mixer.evaluation.significance import significance_table, songs_table, verdicts

SYSTEMS = ("rough", "loudness_only", "mean_knobs", "champion", "true_knobs", "model")


def records(model_stft, model_knobs, songs=10, condition="blind"):
    """Two excerpts of each song; the model's errors are functions of the song's number."""
    rows = []
    for song in range(songs):
        for take in range(2):
            noise = 0.01 * np.cos(7 * song + take)
            for system in SYSTEMS:
                is_model = system == "model"
                knobs = {"mean_knobs": 0.2, "champion": 0.15}.get(system, np.nan)
                rows.append(
                    {"song_id": f"s{song}", "genre": "rock", "condition": condition}
                    | {"system": system, "stft": model_stft(song) if is_model else 1.0 + noise}
                    | {"error/low_eq": model_knobs(song) if is_model else knobs}
                )
    return pd.DataFrame(rows)


def test_better_model_beats_all_systems():
    significance = significance_table(records(lambda song: 0.5, lambda song: 0.1))
    assert set(significance["beats"]) == {"yes"}
    baselines = set(significance.index.get_level_values("rival"))
    assert baselines == set(SYSTEMS[:4])  # bounds are not tested
    row = significance.loc["blind", "champion", "knob error"]
    assert row["gain"] == pytest.approx(0.05)
    assert row["songs"] == 10  # two excerpts of a song count as one
    assert row["p"] == 2 / 2**10
    assert row["p_holm"] == pytest.approx(min(1, len(significance) * row["p"]), rel=0.9)
    assert verdicts(significance) == ["blind: beats mean_knobs: yes; beats loudness_only: yes"]


def test_worse_model_is_reported_as_worse():
    significance = significance_table(records(lambda song: 2.0, lambda song: 0.4))
    assert set(significance["beats"]) == {"worse"}
    (line,) = verdicts(significance)
    assert "not beat mean_knobs and loudness_only" in line


def test_equal_model_does_not_beat():
    """Half of the songs are better, half are worse."""
    significance = significance_table(
        records(lambda song: 1 + 0.2 * (-1) ** song, lambda song: 0.1)
    )
    assert significance["beats"]["blind", "rough", "STFT distance"] == "no"
    assert "beats mean_knobs: yes; beats loudness_only: no." in verdicts(significance)[0]


def test_verdict_notes_too_few_songs():
    significance = significance_table(records(lambda song: 0.5, lambda song: 0.1, songs=3))
    assert set(significance["beats"]) == {"no"}
    assert "3 songs, 6 tests" in verdicts(significance)[0]


def test_verdict_uses_stft_distance_if_knobs_are_unknown():
    table = records(lambda song: 0.5, lambda song: 0.1).assign(**{"error/low_eq": np.nan})
    significance = significance_table(table)
    assert set(significance.index.get_level_values("measure")) == {"STFT distance"}
    assert verdicts(significance) == ["blind: beats mean_knobs: yes; beats loudness_only: yes"]


def test_holm_correction_is_per_condition():
    one = records(lambda song: 0.5, lambda song: 0.1)
    both = pd.concat([one, one.assign(condition="paired")])
    p = significance_table(both)["p_holm"]
    assert p["blind"].tolist() == p["paired"].tolist() == significance_table(one)["p_holm"].tolist()


def test_songs_table_averages_over_excerpts():
    table = songs_table(records(lambda song: 0.5, lambda song: 0.1, songs=2), ["stft"])
    model = table[table["system"] == "model"].set_index("song_id")
    rough = [1 + 0.01 * np.cos(take) for take in range(2)]
    assert model["closeness"]["s0"] == pytest.approx(np.mean([1 - 0.5 / d for d in rough]))
    assert model["knob_error"]["s0"] == pytest.approx(0.1)
    assert len(table) == 2 * len(SYSTEMS)
