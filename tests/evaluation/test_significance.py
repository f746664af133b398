"""The model against each rival, and what is said in plain words."""

import numpy as np
import pandas as pd
import pytest

from ai_mixer.evaluation.significance import significance_table, songs_table, verdicts

SYSTEMS = ("rough", "loudness_only", "mean_knobs", "champion", "true_knobs", "model")


def records(model_stft, model_knobs, songs=10, condition="blind"):
    """Two excerpts of each song; the model's figures are functions of the song's number."""
    rows = []
    for song in range(songs):
        for take in range(2):
            noise = 0.01 * np.cos(7 * song + take)
            for system in SYSTEMS:
                mine = system == "model"
                knobs = {"mean_knobs": 0.2, "champion": 0.15}.get(system, np.nan)
                rows.append(
                    {"song_id": f"s{song}", "genre": "rock", "condition": condition}
                    | {"system": system, "stft": model_stft(song) if mine else 1.0 + noise}
                    | {"error/low_eq": model_knobs(song) if mine else knobs}
                )
    return pd.DataFrame(rows)


def test_a_better_model_beats_everybody():
    significance = significance_table(records(lambda song: 0.5, lambda song: 0.1))
    assert set(significance["beats"]) == {"yes"}
    assert set(significance.index.get_level_values("rival")) == set(
        SYSTEMS[:4]
    )  # no bound is a rival
    row = significance.loc["blind", "champion", "knob error"]
    assert row["gain"] == pytest.approx(0.05)
    assert row["songs"] == 10  # two excerpts of a song are one witness
    assert row["p"] == 2 / 2**10
    assert row["p_holm"] == pytest.approx(min(1, len(significance) * row["p"]), rel=0.9)
    assert verdicts(significance) == ["blind: beats mean_knobs: yes; beats loudness_only: yes"]


def test_a_worse_model_is_called_worse():
    significance = significance_table(records(lambda song: 2.0, lambda song: 0.4))
    assert set(significance["beats"]) == {"worse"}
    (line,) = verdicts(significance)
    assert line.endswith("**It does not beat mean_knobs and loudness_only**")


def test_a_model_that_is_no_better_does_not_beat():
    """Half of the songs better, half worse."""
    significance = significance_table(
        records(lambda song: 1 + 0.2 * (-1) ** song, lambda song: 0.1)
    )
    assert significance["beats"]["blind", "rough", "STFT distance"] == "no"
    assert "beats mean_knobs: yes; beats loudness_only: no." in verdicts(significance)[0]


def test_too_few_songs_are_said_to_be_too_few():
    significance = significance_table(records(lambda song: 0.5, lambda song: 0.1, songs=3))
    assert set(significance["beats"]) == {"no"}
    assert "(too few songs, 3, for any answer in 6 tests)" in verdicts(significance)[0]


def test_without_knobs_the_sound_decides():
    table = records(lambda song: 0.5, lambda song: 0.1).assign(**{"error/low_eq": np.nan})
    significance = significance_table(table)
    assert set(significance.index.get_level_values("measure")) == {"STFT distance"}
    assert verdicts(significance) == ["blind: beats mean_knobs: yes; beats loudness_only: yes"]


def test_each_condition_is_a_family_of_its_own():
    one = records(lambda song: 0.5, lambda song: 0.1)
    both = pd.concat([one, one.assign(condition="paired")])
    p = significance_table(both)["p_holm"]
    assert p["blind"].tolist() == p["paired"].tolist() == significance_table(one)["p_holm"].tolist()


def test_songs_are_means_over_their_excerpts():
    table = songs_table(records(lambda song: 0.5, lambda song: 0.1, songs=2), ["stft"])
    model = table[table["system"] == "model"].set_index("song_id")
    rough = [1 + 0.01 * np.cos(take) for take in range(2)]
    assert model["closeness"]["s0"] == pytest.approx(np.mean([1 - 0.5 / d for d in rough]))
    assert model["knob_error"]["s0"] == pytest.approx(0.1)
    assert len(table) == 2 * len(SYSTEMS)
