"""The number of weights in a model's config equals that of the leaderboard."""

import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
MODELS = {file.stem: file for file in (ROOT / "configs" / "model").glob("*.yaml")}
# evidence is fitted in closed form: guides/evidence.md; several tracks: guides/multitrack.md
UNTRAINED = {"mean_knobs", "evidence", *(name for name in MODELS if name.startswith("multitrack_"))}


def leaderboard(table):
    return pd.read_csv(ROOT / "docs" / f"leaderboard-{table}.csv", index_col=0)


def test_every_model_is_on_the_leaderboard():
    assert set(MODELS) - UNTRAINED <= set(leaderboard("knobs").index)


@pytest.mark.parametrize("model", sorted(set(MODELS) - UNTRAINED))
def test_config_states_the_number_of_weights(model):
    header = MODELS[model].read_text(encoding="utf-8").partition("_target_")[0]
    millions = leaderboard("recipes").loc[model, "weights (million)"]
    assert re.search(rf"\b{float(millions):.1f} M weights", header)
