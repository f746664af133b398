"""Markdown tables of data frames."""

import numpy as np
import pandas as pd

LOW, HIGH = "_low", "_high"  # column suffixes of the ends of an interval
SONGS = "_songs"  # column suffix of the number of songs of a figure

Column = str | tuple[str, ...]


def to_markdown(table: pd.DataFrame, digits: int = 2) -> str:
    """Format a table as GitHub Markdown: "value [low, high], n = songs"; NaN as "–".

    Intervals and numbers of songs are in columns with the name of the value and a suffix.
    """
    index = [str(name or "") for name in table.index.names]
    columns = [name for name in table.columns if not _last(name).endswith((LOW, HIGH, SONGS))]
    lines = [[*index, *(_heading(name) for name in columns)]]
    for position, key in enumerate(table.index):
        row = dict(zip(table.columns, table.iloc[position], strict=True))
        labels = key if isinstance(key, tuple) else (key,)
        lines.append([*map(str, labels), *(_cell(row, name, digits) for name in columns)])
    rule = ["---"] * len(index) + ["---:"] * len(columns)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [lines[0], rule, *lines[1:]]) + "\n"


def _last(column: Column) -> str:
    return column[-1] if isinstance(column, tuple) else column


def _heading(column: Column) -> str:
    return " ".join(column) if isinstance(column, tuple) else column


def _cell(row: dict, column: Column, digits: int) -> str:
    """Format a number with its interval if the table has one."""
    value = row[column]
    if _last(column) == "songs":
        return str(int(value))
    if isinstance(value, str):
        return value
    songs = row.get(_with_suffix(column, SONGS), np.nan)
    count = f", n = {int(songs)}" if songs > 0 else ""
    if np.isnan(value):
        return f"–{count}"
    low, high = (row.get(_with_suffix(column, suffix), np.nan) for suffix in (LOW, HIGH))
    interval = "" if np.isnan(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{value:.{digits}f}{interval}{count}"


def _with_suffix(column: Column, suffix: str) -> Column:
    return (*column[:-1], column[-1] + suffix) if isinstance(column, tuple) else column + suffix
