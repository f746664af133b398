"""The leaderboard page: number of songs beside each figure, marks of songs seen in training."""

import numpy as np
import pandas as pd
import pytest

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.holdout_filter import HoldoutSongs
from ai_mixer.evaluation.leaderboard.entries import LeaderboardEntry
from ai_mixer.evaluation.leaderboard.evaluate import EvaluationSettings, LeaderboardRecords
from ai_mixer.evaluation.leaderboard.page import write_page

ERRORS = {"mean_knobs": 0.2, "one": 0.1, "two": 0.15}
NO_HOLDOUT = {"fold 0/3": HoldoutSongs([], {}, 10, [])}


@pytest.fixture
def write(tmp_path):
    """Function: number of songs → text of the page, and the tables."""

    def page(songs, holdout=NO_HOLDOUT):
        rng = np.random.default_rng(0)
        records = pd.DataFrame(
            {
                **{"song_id": f"song {song}", "genre": "rock", "condition": condition},
                **{"system": system, "error/low_eq": error * rng.uniform(0.5, 1.5)},
                "inside/low_eq": 1.0 if system == "one" else np.nan,
            }
            for song in range(songs)
            for condition in CONDITIONS
            for system, error in ERRORS.items()
        )
        rows = [
            LeaderboardEntry(name, seeds={0: {"0/3": tmp_path}}, minutes=[1.0])
            for name in ("one", "two")
        ]
        evaluated = LeaderboardRecords(records, pd.DataFrame(), holdout)
        path = tmp_path / "board.md"
        text = write_page(path, evaluated, rows, EvaluationSettings(), 3, 5.0)
        names = ("knobs", "differences", "spread")
        return text, {name: pd.read_csv(tmp_path / f"board-{name}.csv") for name in names}

    return page


def test_each_figure_has_its_number_of_songs(write):
    text, tables = write(10)
    knobs, differences, coverages = [x for x in text.splitlines() if x.startswith("| one |")][:3]
    assert (knobs.count("n = 10"), knobs.count("[")) == (6, 3)  # skill with interval, and MAE
    for row in (differences, coverages):
        assert (row.count("n = 10"), row.count("[")) == (3, 3)
    assert (tables["knobs"].filter(regex="_songs$") == 10).all(axis=None)


def test_few_songs_have_no_intervals_and_two_have_no_figures(write):
    for songs, shown in {5: True, 2: False}.items():
        _, tables = write(songs)
        for table in tables.values():
            assert table.filter(regex="(_low|_high)$").isna().all(axis=None)
        assert tables["knobs"]["blind skill"].notna().all() == shown
        assert tables["spread"]["blind"].notna().all() == shown


def test_songs_seen_in_training_are_counted_and_marked(write):
    seen = {"song 1": ["one 0"], "song 2": ["one 0"]}
    text, tables = write(10, {"fold 0/3": HoldoutSongs([], seen, 10, [])})
    assert "- fold 0/3: seen in training: 2 of 10 songs, left out" in text
    assert "seen_in_training" not in tables["knobs"]
    text, tables = write(10, {"fold 0/3": HoldoutSongs([], seen, 10, [], allow_seen=True)})
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert all(line.endswith("(seen in training)") for line in headings)
    assert all(table["seen_in_training"].all() for table in tables.values())
