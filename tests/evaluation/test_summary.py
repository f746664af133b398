"""Summaries show skill, closeness, songs, losses; no figure of two songs, no interval of five."""

import math

import pandas as pd
import pytest

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.holdout_filter import HoldoutSongs
from ai_mixer.evaluation.results import build_results
from ai_mixer.evaluation.summary import description, headline, summary
from ai_mixer.metrics.standards import CHECKS, PREFIX
from ai_mixer.metrics.standards_table import BAND_COLUMNS

DISTANCES = ("stft", "spectrum_db", "loudness_lu", "crest_db", "width_db")
DISTANCE = {"rough": 2.0, "mean_knobs": 2.0, "model": 1.0}
KNOWN = {"rough": math.nan, "mean_knobs": 0.2, "model": 0.05}
STANDARDS = {check.column for check in CHECKS.values()} | set(BAND_COLUMNS)


def evaluation(knob_errors=KNOWN, songs=10, distance=DISTANCE, **options):
    """The model's distance to the finished version is half that of the rough."""
    records = pd.DataFrame(
        {
            **{"song_id": f"{song}", "genre": "rock", "condition": condition, "system": system},
            **dict.fromkeys(DISTANCES, far),
            "error/low_eq": knob_errors[system],
            **{PREFIX + name: 0.0 for name in STANDARDS},
        }
        for song in range(songs)
        for condition in CONDITIONS
        for system, far in distance.items()
    )
    return build_results(records, pd.DataFrame(), {}, **options)


@pytest.fixture(scope="module")
def known():
    return evaluation()


@pytest.fixture(scope="module")
def unknown():
    return evaluation(dict.fromkeys(DISTANCE, math.nan))


def test_summary_shows_skill_and_closeness_with_the_number_of_songs(known):
    skills = {f"knob skill, {name}": "0.75 (n = 10)" for name in CONDITIONS}
    closeness = {f"closeness, {name}": "0.50 (n = 10)" for name in CONDITIONS}
    assert headline(known) == skills | closeness
    figures = "+0.75 [+0.75, +0.75], MAE 0.050, closeness +0.50 [+0.50, +0.50], n = 10"
    assert f"  blind      skill {figures}" in summary(known)
    bold = figures.replace("+0.75 [", "**+0.75** [").replace("+0.50 [", "**+0.50** [")
    assert f"blind skill {bold}" in description(known, "Reproduce: …")


def test_summary_shows_closeness_if_knobs_are_unknown(unknown):
    assert headline(unknown) == {f"closeness, {name}": "0.50 (n = 10)" for name in CONDITIONS}
    text = description(unknown, "Reproduce: …")
    assert "blind closeness **+0.50** [+0.50, +0.50], n = 10" in text
    assert "nan" not in text.partition("Reproduce")[0]
    assert "  blind      closeness +0.50" in summary(unknown)
    assert "nan" not in summary(unknown)


def test_markdown_omits_knob_rows_if_knobs_are_unknown(known, unknown):
    assert "low_eq" not in unknown.markdown()
    assert "| low_eq | 0.75 [0.75, 0.75], n = 10 |" in known.markdown()


def test_losses_come_first():
    """The knobs are better than the mean, the mixes are worse."""
    losing = evaluation(distance={"rough": 2.0, "mean_knobs": 1.0, "model": 2.0})
    assert next(iter(headline(losing))) == "worse than, blind"
    assert headline(losing)["worse than, blind"].startswith("mean_knobs (STFT distance")
    assert description(losing, "…").startswith("- blind (n = 10): **worse than mean_knobs (STFT")
    assert "blind (n = 10): worse than mean_knobs (STFT distance" in summary(losing)


def test_five_songs_have_figures_and_no_intervals(tmp_path):
    few = evaluation(songs=5)
    line = summary(few).splitlines()[1]
    assert line == (
        "  blind      skill +0.75, MAE 0.050, closeness +0.50, n = 5 (no interval below 8)"
    )
    assert "[" not in few.full_markdown().replace("[0, 1]", "")
    assert "| low_eq | 0.75, n = 5 |" in few.markdown()
    few.write(tmp_path)
    audio = pd.read_csv(tmp_path / "audio.csv")
    assert audio["closeness"].notna().all()
    assert audio[["closeness_low", "closer_high"]].isna().all(axis=None)
    assert "test_closeness_blind" in few.metrics()
    assert math.isnan(few.metrics()["test_skill_low_blind"])


def test_two_songs_have_no_figures(tmp_path):
    few = evaluation(songs=2)
    line = "  blind      skill –, MAE –, closeness –, n = 2 (no figure below 3 songs)"
    assert line in summary(few).splitlines()
    assert headline(few)["knob skill, blind"] == "– (n = 2)"
    text = few.full_markdown()
    assert "0.75" not in text
    assert "0.50" not in text
    few.write(tmp_path)
    for name, start in {"knobs": "blind skill", "audio": "stft", "standards": "crest"}.items():
        table = pd.read_csv(tmp_path / f"{name}.csv")
        assert table.filter(regex=f"^{start}").isna().all(axis=None)
        assert len(table.filter(regex=f"^{start}").columns)
    assert few.metrics()["test_songs"] == 2.0


@pytest.mark.slow
def test_figures_of_a_genre_need_three_songs_of_it():
    """As of all songs together: two jazz songs among ten."""
    table = evaluation().records
    table.loc[table["song_id"].isin(["0", "1"]), "genre"] = "jazz"
    results = build_results(table, pd.DataFrame(), {})
    rows = [line for line in results.markdown().splitlines() if "headline, jazz" in line]
    assert [row.count("–, n = 2") for row in rows] == [3, 3]  # skill and MAE
    text = results.full_markdown().partition("by genre")[2]
    rows = text.splitlines()
    (row,) = [line for line in rows if line.startswith("| blind | jazz | model | 2 |")]
    assert set(row.split("|")[5:-1]) == {" – "}
    assert "| blind | rock | model | 8 | 0.50 [0.50, 0.50] |" in text


def test_songs_seen_in_training_are_marked_everywhere():
    results = evaluation(holdout=HoldoutSongs([], {"song 1": ["model"]}, 10, [], allow_seen=True))
    assert "seen in training: 1 of 10 songs, not left out" in summary(results)
    assert summary(results).startswith("songs seen in training, knob skill")
    assert all(name.endswith("(seen in training)") for name in headline(results))
    text = description(results, "Reproduce: …")
    assert text.startswith("- seen in training: 1 of 10 songs")
    assert "songs seen in training, knob skill" in text
    assert all("(seen in training)" in line for line in text.splitlines() if line[:2] == "##")
