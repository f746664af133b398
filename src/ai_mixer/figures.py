"""Pictures of a run's tables."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure


def skill_figure(table: pd.DataFrame) -> Figure:
    """Knob skill with its interval: one row per knob, one colour per condition (from table K)."""
    rows = [name for name in table.index if not str(name).startswith("headline,")][::-1]
    conditions = list(dict.fromkeys(table.columns.get_level_values(0)))
    figure = Figure(figsize=(7.0, 0.45 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    for number, condition in enumerate(conditions):
        part = table.loc[rows, condition]
        places = [row + 0.22 * (number - (len(conditions) - 1) / 2) for row in range(len(rows))]
        value = part["skill"].to_numpy(float)
        # Resampling few songs may leave the value itself just outside its interval.
        error = np.maximum(0.0, [value - part["skill_low"], part["skill_high"] - value])
        axes.errorbar(value, places, xerr=error, fmt="o", markersize=4, label=condition)
    axes.axvline(0.0, color="grey", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [str(row).replace("_", " ") for row in rows])
    axes.set_xlim(-1.0, 1.05)
    axes.set_xlabel("knob skill: 0 = always the mean knobs, 1 = exact; bars: 95 % over songs")
    axes.legend(loc="lower left")
    return figure
