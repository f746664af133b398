"""Plots of knob skill and of predicted knobs, per condition.

Colours are three of Okabe & Ito's ("Color Universal Design", 2008), which remain distinct with
red-green colour blindness; each condition also has its own marker.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ai_mixer.core.knob import Knob
from ai_mixer.core.types import CONDITIONS
from ai_mixer.metrics.statistics import few_songs_note

COLOURS = {"blind": "#E69F00", "reference": "#009E73", "paired": "#0072B2"}
MARKERS = {"blind": "o", "reference": "^", "paired": "s"}
TEXT_COLOUR, GRID_COLOUR = "#333333", "#BBBBBB"
NO_DATA_STYLE: dict[str, Any] = {"color": "#777777", "style": "italic", "size": 9}
MAX_POINTS = 400  # per condition and panel; more would overlap
COLUMNS = 5


def plot_skill(table: pd.DataFrame, title: str = "Knob skill on held-out songs") -> Figure:
    """Plot knob skill with its interval from table K: one row per knob, a bar per condition."""
    rows = [str(name) for name in table.index if not str(name).startswith("headline,")]
    rows.sort(key=lambda name: name not in {"headline", "all"})  # stable: other rows keep order
    conditions = list(dict.fromkeys(table.columns.get_level_values(0)))
    figure = Figure(figsize=(7.5, 0.42 * len(rows) + 1.5), layout="constrained", dpi=110)
    axes = figure.subplots()
    for number, condition in enumerate(conditions):
        y = np.arange(len(rows)) + 0.26 * (number - (len(conditions) - 1) / 2)
        _skill_bars(axes, table.loc[rows, condition], y, condition)
    skill = table.loc[rows].xs("skill", axis=1, level=1).to_numpy(float)
    songs = table.loc[rows].xs("songs", axis=1, level=1).to_numpy(float).max(axis=1)
    for row in np.flatnonzero(np.isnan(skill).all(axis=1)).tolist():
        text = few_songs_note(int(songs[row])) if songs[row] > 0 else "masked in all songs"
        axes.text(0.02, row, text, va="center", **NO_DATA_STYLE)
    _skill_axes(axes, rows)
    _style_figure(figure, [axes], title)
    return figure


def plot_knobs(
    knobs: Sequence[Knob],
    predicted: Tensor,
    true: Tensor,
    mask: Tensor,
    condition: Tensor,
    title: str = "Predicted over true knob settings",
) -> Figure:
    """Plot predicted over true positions, one panel per knob; exact predictions are diagonal.

    predicted, true: [n, P] positions 0–1; mask: [n, P], True = shown; condition: [n], an index into
    CONDITIONS. Above `MAX_POINTS` per condition, an evenly spaced subset is shown.
    """
    columns = min(COLUMNS, len(knobs))
    lines = ceil(len(knobs) / columns)
    size = (2.3 * columns + 0.4, 2.3 * lines + 0.9)
    figure = Figure(figsize=size, layout="constrained", dpi=110)
    panels = figure.subplots(lines, columns, squeeze=False).ravel().tolist()
    for number, (axes, knob) in enumerate(zip(panels, knobs, strict=False)):
        for index, name in enumerate(CONDITIONS):
            _points(axes, name, *_plotted_points(predicted, true, mask, condition == index, number))
        _knob_axes(axes, knob, counted=bool(mask[:, number].any()))
    for axes in panels[len(knobs) :]:
        axes.remove()
    figure.supxlabel("true setting", color=TEXT_COLOUR, size=10)
    figure.supylabel("predicted setting", color=TEXT_COLOUR, size=10)
    _style_figure(figure, panels[: len(knobs)], title)
    return figure


def _skill_bars(axes: Axes, rows: pd.DataFrame, y: np.ndarray, condition: str) -> None:
    """Draw bars clipped at −1; a clipped bar is labelled with its value."""
    skill, low, high = (rows[name].to_numpy(float) for name in ("skill", "skill_low", "skill_high"))
    bar: dict[str, Any] = {"color": COLOURS.get(condition, GRID_COLOUR), "label": condition}
    axes.barh(y, np.clip(np.nan_to_num(skill), -1.0, 1.0), height=0.22, **bar)
    axes.hlines(y, low, high, color=TEXT_COLOUR, linewidth=1.0)
    for row_y, value in zip(y, skill, strict=True):
        if value < -1.0:
            box = {"boxstyle": "square,pad=0", "facecolor": "white", "edgecolor": "none"}
            text = f"◂ {value:.1f}".replace("-", "−")
            axes.text(-0.985, row_y, text, va="center", color=TEXT_COLOUR, size=6.5, bbox=box)


def _skill_axes(axes: Axes, rows: Sequence[str]) -> None:
    axes.axvline(0.0, color=TEXT_COLOUR, linewidth=1.0)
    axes.axhline(1.5, color=GRID_COLOUR, linewidth=0.8)  # below the headline and all
    axes.set(xlim=(-1.0, 1.0), ylim=(len(rows) - 0.4, -0.6), axisbelow=True)
    axes.set_xticks((-1.0, -0.5, 0.0, 0.5, 1.0), ("−1", "−0.5", "0", "0.5", "1"))
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows])
    axes.set_xlabel("skill: 0 = mean knobs, 1 = exact; lines: 95 % interval over songs")
    axes.grid(axis="x", color=GRID_COLOUR, alpha=0.4)


def _plotted_points(
    predicted: Tensor, true: Tensor, mask: Tensor, chosen: Tensor, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return true and predicted positions of knob `number` in the unmasked chosen examples."""
    shown = torch.nonzero(mask[:, number] & chosen).flatten()
    shown = shown[:: ceil(len(shown) / MAX_POINTS) or 1]
    return true[shown, number].numpy(), predicted[shown, number].numpy()


def _points(axes: Axes, condition: str, x: np.ndarray, y: np.ndarray) -> None:
    style: dict[str, Any] = {"color": COLOURS[condition], "marker": MARKERS[condition]}
    axes.scatter(x, y, s=14, alpha=0.7, linewidths=0, clip_on=False, label=condition, **style)


def _knob_axes(axes: Axes, knob: Knob, counted: bool) -> None:
    """Label the axes at both ends and the middle of the knob's travel, in the knob's unit."""
    if counted:
        axes.plot((0, 1), (0, 1), color=GRID_COLOUR, linewidth=1.0, zorder=0)
    else:
        axes.text(0.5, 0.5, "masked in all songs", ha="center", **NO_DATA_STYLE)
    ends = knob.to_physical(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    labels = [f"{value:.2g}".replace("-", "−") for value in ends.tolist()]
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xticks((0, 0.5, 1), labels)
    axes.set_yticks((0, 0.5, 1), labels)
    unit = "" if knob.unit in {"", "ratio"} else f" ({knob.unit})"
    axes.set_title(_label(knob.name) + unit, size=10, color=TEXT_COLOUR)


def _label(name: str) -> str:
    return name.replace("_", " ").replace(" eq", " EQ")


def _style_figure(figure: Figure, panels: Sequence[Axes], title: str) -> None:
    """Remove top and right spines; add the title and one legend above all panels."""
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=TEXT_COLOUR, labelsize=8)
        axes.xaxis.label.set_color(TEXT_COLOUR)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.suptitle(title, x=0.01, ha="left", color=TEXT_COLOUR, size=12)
    style: dict[str, Any] = {"frameon": False, "labelcolor": TEXT_COLOUR, "handletextpad": 0.3}
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels), **style)
