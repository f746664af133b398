"""Plot of every system's closeness to the finished version."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ai_mixer.metrics.plots import COLOURS, GRID_COLOUR, MARKERS, TEXT_COLOUR

MIN_CLOSENESS_SHOWN = -0.5  # lower values are drawn as an arrow with the number


def plot_closeness(audio: pd.DataFrame, title: str = "Closeness to the finished version") -> Figure:
    """Plot table A: one row per system, a point and its 95 % interval per condition."""
    table = audio.xs("all", level="genre")
    systems = list(dict.fromkeys(table.index.get_level_values("system")))
    conditions = list(dict.fromkeys(table.index.get_level_values("condition")))
    figure = Figure(figsize=(7.5, 0.42 * len(systems) + 1.6), layout="constrained", dpi=110)
    axes = figure.subplots()
    for number, condition in enumerate(conditions):
        rows = table.loc[condition].reindex(systems)
        y = np.arange(len(systems)) + 0.22 * (number - (len(conditions) - 1) / 2)
        value, low, high = (rows[name] for name in ("closeness", "closeness_low", "closeness_high"))
        axes.hlines(
            y,
            low.clip(MIN_CLOSENESS_SHOWN),
            high.clip(MIN_CLOSENESS_SHOWN),
            color=GRID_COLOUR,
            linewidth=2.0,
        )
        style = {"color": COLOURS[condition], "marker": MARKERS[condition], "label": condition}
        axes.scatter(
            value.where(value >= MIN_CLOSENESS_SHOWN), y, s=26, linewidths=0, zorder=3, **style
        )
        for row_y, closeness in zip(y, value, strict=True):
            if closeness < MIN_CLOSENESS_SHOWN:
                axes.text(
                    MIN_CLOSENESS_SHOWN,
                    row_y,
                    f"◂ {closeness:.1f}",
                    va="center",
                    size=7,
                    color=TEXT_COLOUR,
                )
    axes.axvline(0.0, color=TEXT_COLOUR, linewidth=1.0)
    axes.set(xlim=(MIN_CLOSENESS_SHOWN, 1.0), ylim=(len(systems) - 0.4, -0.6), axisbelow=True)
    axes.set_yticks(range(len(systems)), [name.replace("_", " ") for name in systems])
    axes.set_xlabel("closeness: 0 = the rough, 1 = the finished version; lines: 95 % over songs")
    axes.grid(axis="x", color=GRID_COLOUR, alpha=0.4)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", color=TEXT_COLOUR, size=12)
    figure.legend(
        loc="outside upper right", ncols=len(conditions), frameon=False, labelcolor=TEXT_COLOUR
    )
    return figure
