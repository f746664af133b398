"""What a run says of its tables: knob skill where the knobs are known, else closeness."""

import math

import pandas as pd
import pytest

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.results import EvaluationResults
from ai_mixer.evaluation.summary import description, headline, summary
from ai_mixer.metrics.tables import table_a, table_k

DISTANCES = ("stft", "spectrum_db", "loudness_lu", "crest_db", "width_db")
AS_FAR = {"rough": 2.0, "mean_knobs": 2.0, "model": 1.0}


def evaluation(knob_errors):
    """Three songs and a model half as far from the finished version as the rough is."""
    records = pd.DataFrame(
        {
            **{"song_id": song, "genre": "rock", "condition": condition, "system": system},
            **dict.fromkeys(DISTANCES, far),
            "error/low_eq": knob_errors[system],
        }
        for song in ("a", "b", "c")
        for condition in CONDITIONS
        for system, far in AS_FAR.items()
    )
    return EvaluationResults(records, table_k(records), table_a(records))


@pytest.fixture
def known():
    return evaluation({"rough": math.nan, "mean_knobs": 0.2, "model": 0.05})


@pytest.fixture
def unknown():
    return evaluation(dict.fromkeys(AS_FAR, math.nan))


def test_knobs_are_known(known):
    assert headline(known) == {f"knob skill, {name}": "0.75" for name in CONDITIONS}
    assert "blind **+0.75** [+0.75, +0.75]" in description(known, "Again: so.")
    assert "+0.75  [+0.75, +0.75]   MAE 0.050" in summary(known)


def test_knobs_are_unknown(unknown):
    assert headline(unknown) == {f"closeness, {name}": "0.50" for name in CONDITIONS}
    first = description(unknown, "Again: so.").splitlines()[0]
    assert "blind **+0.50**" in first
    assert "nan" not in first
    assert "blind      +0.50" in summary(unknown)
    assert "nan" not in summary(unknown)


def test_tables_of_unknown_knobs_have_no_empty_rows(known, unknown):
    assert "Nobody knows the knobs" in unknown.markdown()
    assert "low_eq" not in unknown.markdown()
    assert "| low_eq | 0.75 [0.75, 0.75] |" in known.markdown()
