"""Significance tests of the model against each system, and the verdicts."""

import numpy as np
import pandas as pd
import pytest

from ai_mixer.evaluation.significance import significance_table, songs_table, verdicts

SYSTEMS = ("rough", "loudness_only", "mean_knobs", "compare_run", "true_knobs", "model")


def records(model_stft, model_knobs, songs=10, condition="blind"):
    """Two excerpts of each song; the model's errors are functions of the song's number."""
    rows = []
    for song in range(songs):
        for take in range(2):
            noise = 0.01 * np.cos(7 * song + take)
            for system in SYSTEMS:
                is_model = system == "model"
                knobs = {"mean_knobs": 0.2, "compare_run": 0.15}.get(system, np.nan)
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
    row = significance.loc["blind", "compare_run", "knob error"]
    assert row["gain"] == pytest.approx(0.05)
    assert row["songs"] == 10  # two excerpts of a song count as one
    assert row["p"] == 2 / 2**10
    assert row["p_holm"] == pytest.approx(min(1, len(significance) * row["p"]), rel=0.9)
    assert verdicts(significance) == [
        "blind (n = 10): beats mean_knobs (knob error, STFT distance), "
        "compare_run (knob error, STFT distance), rough (STFT distance), "
        "loudness_only (STFT distance)"
    ]


def test_worse_model_is_reported_as_worse():
    significance = significance_table(records(lambda song: 2.0, lambda song: 0.4))
    assert set(significance["beats"]) == {"worse"}
    (line,) = verdicts(significance)
    assert line.startswith("blind (n = 10): **worse than mean_knobs (knob error, STFT distance), ")
    assert line.endswith("rough (STFT distance), loudness_only (STFT distance)**")


def test_a_loss_in_one_measure_comes_before_gains_in_another():
    """The knobs are better than those of all baselines, the mixes are worse."""
    significance = significance_table(records(lambda song: 2.0, lambda song: 0.1))
    assert significance["beats"]["blind", "mean_knobs", "knob error"] == "yes"
    (line,) = verdicts(significance)
    assert "**worse than mean_knobs (STFT distance), compare_run (STFT distance), rough (" in line
    assert "beats" not in line


def test_losses_in_other_distances_are_named_and_gains_are_not():
    table = records(lambda song: 0.5, lambda song: 0.1)
    table["width_db"] = np.where(table["system"] == "model", 2.0, 1.0)
    table["crest_db"] = np.where(table["system"] == "model", 1.0, 2.0)
    table.loc[table["system"] == "rough", "width_db"] = 3.0
    table.loc[table["system"].isin(["rough", "loudness_only"]), "stft"] = 0.5
    (line,) = verdicts(significance_table(table))
    assert line == (
        "blind (n = 10): **worse than mean_knobs (width error), compare_run (width error), "
        "loudness_only (width error)**; does not beat rough"
    )


def test_other_distances_do_not_cost_the_main_measures_their_power():
    table = records(lambda song: 0.5, lambda song: 0.1)
    more = table.assign(width_db=1.0, crest_db=1.0, loudness_lu=1.0, spectrum_db=1.0)
    one, two = significance_table(table)["p_holm"], significance_table(more)["p_holm"]
    assert two.reindex(one.index).tolist() == one.tolist()


def test_equal_model_does_not_beat():
    """Half of the songs are better, half are worse."""
    significance = significance_table(
        records(lambda song: 1 + 0.2 * (-1) ** song, lambda song: 0.1)
    )
    assert significance["beats"]["blind", "rough", "STFT distance"] == "no"
    (line,) = verdicts(significance)
    assert "does not beat rough, loudness_only; beats mean_knobs (knob error)" in line


def test_verdict_notes_too_few_songs():
    significance = significance_table(records(lambda song: 0.5, lambda song: 0.1, songs=3))
    assert set(significance["beats"]) == {"no"}
    assert "3 songs, 6 tests" in verdicts(significance)[0]


def test_verdict_uses_stft_distance_if_knobs_are_unknown():
    table = records(lambda song: 0.5, lambda song: 0.1).assign(**{"error/low_eq": np.nan})
    significance = significance_table(table)
    assert set(significance.index.get_level_values("measure")) == {"STFT distance"}
    (line,) = verdicts(significance)
    assert line.count("(STFT distance)") == 4
    assert "knob error" not in line


def test_two_songs_have_no_p_value():
    significance = significance_table(records(lambda song: 0.5, lambda song: 0.1, songs=2))
    assert significance["p"].isna().all()
    assert set(significance["beats"]) == {"no"}
    assert "does not beat mean_knobs, compare_run, rough" in verdicts(significance)[0]


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
