"""Plots of skill and knobs: drawn for every kind of table, with the data passed in."""

import numpy as np
import pandas as pd
import pytest
import torch

from ai_mixer.console.load import load_console
from ai_mixer.core.types import CONDITIONS
from ai_mixer.metrics.plots import COLOURS, MAX_POINTS, plot_knobs, plot_skill
from helpers.parameters import first_fast

ROWS = ["total_gain", "low_eq", "reverb", "headline", "all", "headline, rock"]
KNOBS = load_console("classic", ranges="wide").knobs


def table(skill, low, high, songs=10):
    columns = pd.MultiIndex.from_product(
        [["blind", "paired"], ["skill", "skill_low", "skill_high", "songs"]]
    )
    return pd.DataFrame([[skill, low, high, songs] * 2] * len(ROWS), index=ROWS, columns=columns)


def predictions(count, seed=0):
    draw = torch.Generator().manual_seed(seed)
    predicted, true = torch.rand(2, count, len(KNOBS), generator=draw)
    mask = torch.rand(count, len(KNOBS), generator=draw) < 0.7
    return predicted, true, mask, torch.arange(count) % len(CONDITIONS)


def legend(figure):
    (box,) = figure.legends
    return [text.get_text() for text in box.get_texts()]


@pytest.mark.parametrize(
    ("skill", "low", "high"),
    [
        (0.5, 0.4, 0.6),
        (0.5, 0.5 + 1e-12, 0.6),  # the value is outside its interval by a rounding error
        (np.nan, np.nan, np.nan),  # a knob masked in all songs
        (-0.3, -70.0, -0.3),
        (-70.0, -90.0, -50.0),
    ],
)
def test_skill_plot_has_the_rows_and_conditions_of_the_table(skill, low, high, tmp_path):
    figure = plot_skill(table(skill, low, high))
    figure.savefig(tmp_path / "skill.png")
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["headline", "all", "total gain", "low EQ", "reverb"]
    assert axes.yaxis_inverted()  # the headline is the top row
    assert legend(figure) == ["blind", "paired"]
    assert axes.get_xlim() == (-1.0, 1.0)


def test_bar_length_equals_the_skill():
    (axes,) = plot_skill(table(0.5, 0.4, 0.6)).axes
    assert len(axes.patches) == 2 * 5
    assert {bar.get_width() for bar in axes.patches} == {0.5}
    (axes,) = plot_skill(table(-3.0, -4.0, -2.0)).axes
    assert {bar.get_width() for bar in axes.patches} == {-1.0}
    assert [text.get_text() for text in axes.texts] == ["◂ −3.0"] * 10
    for songs, text in {0: "masked in all songs", 2: "no figure below 3 songs"}.items():
        (axes,) = plot_skill(table(np.nan, np.nan, np.nan, songs)).axes
        assert [label.get_text() for label in axes.texts] == [text] * 5


def test_every_knob_has_a_panel_with_its_unmasked_points():
    predicted, true, mask, condition = predictions(60)
    figure = plot_knobs(KNOBS, predicted, true, mask, condition)
    assert [axes.get_title().partition(" (")[0] for axes in figure.axes] == [
        knob.name.replace("_", " ").replace(" eq", " EQ") for knob in KNOBS
    ]
    assert legend(figure) == list(CONDITIONS)
    for number, axes in enumerate(figure.axes):
        for index, points in enumerate(axes.collections):
            counts = mask[:, number] & (condition == index)
            shown = torch.from_numpy(np.asarray(points.get_offsets())).float()
            expected = torch.stack([true[counts, number], predicted[counts, number]], -1)
            torch.testing.assert_close(shown, expected)


def test_axes_are_labelled_in_the_knobs_unit():
    low_eq = next(n for n, knob in enumerate(KNOBS) if knob.name == "low_eq")
    axes = plot_knobs(KNOBS, *predictions(6)).axes[low_eq]
    assert axes.get_title() == "low EQ (dB)"
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["−6", "0", "6"]


def test_a_knob_masked_in_all_songs_is_labelled(tmp_path):
    predicted, true, mask, condition = predictions(12)
    mask[:, 3] = False
    figure = plot_knobs(KNOBS, predicted, true, mask, condition)
    figure.savefig(tmp_path / "knobs.png")
    labels = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert labels == [["masked in all songs"] if n == 3 else [] for n in range(len(KNOBS))]


def test_number_of_points_is_limited():
    figure = plot_knobs(KNOBS, *predictions(20_000))
    counts = [len(points.get_offsets()) for axes in figure.axes for points in axes.collections]
    assert max(counts) <= MAX_POINTS
    assert min(counts) > MAX_POINTS / 2


@pytest.mark.parametrize("count", first_fast([1, 7, 2, 5, 6], 2))
def test_knob_plot_of_any_number_of_knobs(count, tmp_path):
    predicted, true, mask, condition = predictions(6)
    figure = plot_knobs(
        KNOBS[:count], predicted[:, :count], true[:, :count], mask[:, :count], condition
    )
    assert len(figure.axes) == count
    figure.savefig(tmp_path / "few.png", dpi=30)


def test_colours_of_conditions_differ_in_luminance():
    """For greyscale and colour blindness: luminances at least 0.1 apart (Rec. 709 weights)."""
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in COLOURS.values()])
    luminance = np.sort((rgb**2.2) @ [0.2126, 0.7152, 0.0722])
    assert np.diff(luminance).min() > 0.1
