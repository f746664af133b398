"""What a model's page says of its size is what the leaderboard says; its skill is only there."""

import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
PAGES = {page.stem: page for page in (ROOT / "configs" / "model").glob("*.yaml")}
FLOOR = {"mean_knobs"}  # learns nothing


def board(table):
    return pd.read_csv(ROOT / "docs" / f"leaderboard-{table}.csv", index_col=0)


def test_every_model_stands_on_the_leaderboard():
    assert set(PAGES) - FLOOR <= set(board("knobs").index)


@pytest.mark.parametrize("model", sorted(set(PAGES) - FLOOR))
def test_the_header_states_the_number_of_weights(model):
    header = PAGES[model].read_text(encoding="utf-8").partition("_target_")[0]
    millions = board("recipes").loc[model, "weights (million)"]
    assert re.search(rf"\b{float(millions):.1f} M weights", header)
