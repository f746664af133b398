"""A picture is drawn of every table there can be."""

import numpy as np
import pandas as pd
import pytest

from ai_mixer.figures import skill_figure

ROWS = ["total_gain", "low_eq", "reverb", "headline", "all", "headline, rock"]


def table(skill, low, high):
    columns = pd.MultiIndex.from_product(
        [["blind", "paired"], ["skill", "skill_low", "skill_high"]]
    )
    return pd.DataFrame([[skill, low, high] * 2] * len(ROWS), index=ROWS, columns=columns)


@pytest.mark.parametrize(
    ("skill", "low", "high"),
    [
        (0.5, 0.4, 0.6),
        (0.5, 0.5 + 1e-12, 0.6),  # an interval that misses its value by rounding
        (np.nan, np.nan, np.nan),  # a knob that never counted
        (-0.3, -70.0, -0.3),
    ],
)
def test_the_skill_figure_is_drawn(skill, low, high, tmp_path):
    figure = skill_figure(table(skill, low, high))
    figure.savefig(tmp_path / "skill.png")
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["all", "headline", "reverb", "low eq", "total gain"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["blind", "paired"]
    assert axes.get_xlim()[0] >= -1.0
