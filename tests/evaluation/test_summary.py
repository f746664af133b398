"""Summaries show knob skill if the true knobs are known, else closeness."""

import math

import pandas as pd
import pytest

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.results import EvaluationResults
from ai_mixer.evaluation.summary import description, headline, summary
from ai_mixer.metrics.tables import table_a, table_k

DISTANCES = ("stft", "spectrum_db", "loudness_lu", "crest_db", "width_db")
DISTANCE = {"rough": 2.0, "mean_knobs": 2.0, "model": 1.0}


def evaluation(knob_errors):
    """Three songs; the model's distance to the finished version is half that of the rough."""
    records = pd.DataFrame(
        {
            **{"song_id": song, "genre": "rock", "condition": condition, "system": system},
            **dict.fromkeys(DISTANCES, far),
            "error/low_eq": knob_errors[system],
        }
        for song in ("a", "b", "c")
        for condition in CONDITIONS
        for system, far in DISTANCE.items()
    )
    return EvaluationResults(records, table_k(records), table_a(records))


@pytest.fixture
def known():
    return evaluation({"rough": math.nan, "mean_knobs": 0.2, "model": 0.05})


@pytest.fixture
def unknown():
    return evaluation(dict.fromkeys(DISTANCE, math.nan))


def test_summary_shows_knob_skill_if_knobs_are_known(known):
    assert headline(known) == {f"knob skill, {name}": "0.75" for name in CONDITIONS}
    assert "blind **+0.75** [+0.75, +0.75]" in description(known, "Reproduce: …")
    assert "+0.75  [+0.75, +0.75]   MAE 0.050" in summary(known)


def test_summary_shows_closeness_if_knobs_are_unknown(unknown):
    assert headline(unknown) == {f"closeness, {name}": "0.50" for name in CONDITIONS}
    first = description(unknown, "Reproduce: …").splitlines()[0]
    assert "blind **+0.50**" in first
    assert "nan" not in first
    assert "blind      +0.50" in summary(unknown)
    assert "nan" not in summary(unknown)


def test_markdown_omits_knob_rows_if_knobs_are_unknown(known, unknown):
    assert "low_eq" not in unknown.markdown()
    assert "| low_eq | 0.75 [0.75, 0.75] |" in known.markdown()
