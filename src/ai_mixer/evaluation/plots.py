"""Closeness of every system as a picture: who came nearer to the finished version?"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ai_mixer.metrics.plots import COLOURS, INK, PALE, SHAPES

LEAST = -0.5  # of closeness shown: what is worse is far off, and says so by an arrow


def closeness_figure(
    audio: pd.DataFrame, title: str = "Closeness to the finished version"
) -> Figure:
    """One row per system, a point and its 95 % interval per condition (from table A)."""
    table = audio.xs("all", level="genre")
    systems = list(dict.fromkeys(table.index.get_level_values("system")))
    conditions = list(dict.fromkeys(table.index.get_level_values("condition")))
    figure = Figure(figsize=(7.5, 0.42 * len(systems) + 1.6), layout="constrained", dpi=110)
    axes = figure.subplots()
    for number, condition in enumerate(conditions):
        rows = table.loc[condition].reindex(systems)
        places = np.arange(len(systems)) + 0.22 * (number - (len(conditions) - 1) / 2)
        value, low, high = (rows[name] for name in ("closeness", "closeness_low", "closeness_high"))
        axes.hlines(places, low.clip(LEAST), high.clip(LEAST), color=PALE, linewidth=2.0)
        look = {"color": COLOURS[condition], "marker": SHAPES[condition], "label": condition}
        axes.scatter(value.where(value >= LEAST), places, s=26, linewidths=0, zorder=3, **look)
        for place, number_ in zip(places, value, strict=True):
            if number_ < LEAST:
                axes.text(LEAST, place, f"◂ {number_:.1f}", va="center", size=7, color=INK)
    axes.axvline(0.0, color=INK, linewidth=1.0)
    axes.set(xlim=(LEAST, 1.0), ylim=(len(systems) - 0.4, -0.6), axisbelow=True)
    axes.set_yticks(range(len(systems)), [name.replace("_", " ") for name in systems])
    axes.set_xlabel("closeness: 0 = the rough, 1 = the finished version; lines: 95 % over songs")
    axes.grid(axis="x", color=PALE, alpha=0.4)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", color=INK, size=12)
    figure.legend(loc="outside upper right", ncols=len(conditions), frameon=False, labelcolor=INK)
    return figure
