"""Output of a comparison: a listening page with tables, CSV files and a terminal summary."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.comparison.runs import ComparedRun
from ai_mixer.evaluation.holdout_filter import SEEN_COLUMN, SEEN_MARK, HoldoutSongs
from ai_mixer.listening import SongSamples, TableSection, VersionLabel, write_page
from ai_mixer.utils.markdown import HIGH, LOW, SONGS, to_markdown

MAX_SONG_ROWS, MAX_SETTING_ROWS = 12, 40  # on the page; the CSV files hold all rows
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
INTERVAL_NOTE = (
    "Brackets: 95 % interval over songs. A − B: paired difference of two runs; * = its interval "
    "excludes 0, as one in twenty does by chance. n: songs; no figure below 3, no interval below 8."
)


class Comparison(NamedTuple):
    """Records per excerpt and run, tables by name, held-out songs and listening samples."""

    runs: Sequence[ComparedRun[Any]]
    records: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    songs: HoldoutSongs
    samples: list[SongSamples]


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write the page `index.html` and the tables as CSV. Return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in {
        "records": comparison.records.set_index("song_id"),
        **comparison.tables,
    }.items():
        is_marked = comparison.songs.is_marked and name != "settings"
        marked = table.assign(**{SEEN_COLUMN: True}) if is_marked else table
        marked.to_csv(folder / f"{name}.csv")
    return write_page(
        folder / "index.html",
        comparison.songs.mark(
            " · ".join(run.letter for run in comparison.runs) + ": the same songs by several runs"
        ),
        comparison.samples,
        subtitle=", ".join(f"{run.letter} = {run.title}" for run in comparison.runs),
        mixes={run.version: VersionLabel(run.letter, run.title) for run in comparison.runs},
        sections=_sections(comparison),
    )


def summary_text(comparison: Comparison) -> str:
    """Summary for the terminal."""
    names = [f"{run.letter} = {run.title}" for run in comparison.runs]
    tables = [to_markdown(comparison.tables[name]) for name in ("standings", "differences")]
    return "\n".join([*names, *comparison.songs.notes(name_songs=True), "", *tables])


def _sections(comparison: Comparison) -> list[TableSection]:
    songs = comparison.records["song_id"].nunique()
    marked = f"some {SEEN_MARK}" if comparison.songs.is_marked else "held out from every run"
    scope = f"{songs} songs, {marked}, the same excerpts for all runs."
    notes = " ".join(f"{line}." for line in comparison.songs.notes(name_songs=True))
    tables = comparison.tables
    first = comparison.runs[0].letter
    return [
        TableSection(
            comparison.songs.mark("Knob skill"),
            ["Run", *CONDITIONS],
            _rows(tables, "skill"),
            f"{scope} Of the predicted knobs. 0 = always the mean knobs (of {first}), 1 = exact. "
            f"{INTERVAL_NOTE} {notes}",
        ),
        TableSection(
            comparison.songs.mark("Closeness"),
            ["Run", *CONDITIONS],
            _rows(tables, "closeness"),
            "The same excerpts, mixed with the applied knobs. 0 = the rough version, 1 = the "
            f"finished one. {INTERVAL_NOTE}",
        ),
        TableSection(
            comparison.songs.mark("Song by song"),
            ["Song", *tables["songs"].columns],
            _cells(tables["songs"].head(MAX_SONG_ROWS), list(tables["songs"].columns)),
            "Mean closeness over all conditions, sorted by the largest difference between runs.",
        ),
        TableSection(
            "Config differences",
            ["Setting", *tables["settings"].columns],
            _cells(tables["settings"].head(MAX_SETTING_ROWS), list(tables["settings"].columns)),
            "Config keys whose values differ between the runs.",
        ),
    ]


def _rows(tables: Mapping[str, pd.DataFrame], measure: str) -> list[list[str]]:
    """One row per run, then one per pair of runs, by condition."""
    names = [f"{measure} {condition}" for condition in CONDITIONS]
    pairs = _cells(tables["differences"], names, star_significant=True)
    return [*_cells(_without_empty_rows(tables["standings"], names), names), *pairs]


def _without_empty_rows(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Rows for which a number of songs is known: the rough version has no skill."""
    return table.dropna(subset=[name + SONGS for name in columns])


def _cells(
    table: pd.DataFrame, columns: list[str], star_significant: bool = False
) -> list[list[str]]:
    """Format a table's rows; star_significant: add a star if the interval excludes 0."""
    rows = zip(table.index, table.to_dict("records"), strict=True)
    return [
        [str(key), *(_cell(row, name, star_significant) for name in columns)] for key, row in rows
    ]


def _cell(row: dict[Any, Any], name: str, star_significant: bool) -> str:
    value, low, high = (row.get(name + end, math.nan) for end in ("", LOW, HIGH))
    if isinstance(value, str):
        return value
    songs = row.get(name + SONGS, math.nan)
    count = f", n{NO_BREAK_SPACE}={NO_BREAK_SPACE}{songs:.0f}" if songs > 0 else ""
    if math.isnan(value) or math.isnan(low):
        return ("–" if math.isnan(value) else _number(value)) + count
    star = f"{NO_BREAK_SPACE}*" if star_significant and (low > 0 or high < 0) else ""
    return f"{_number(value)} [{_number(low)},{NO_BREAK_SPACE}{_number(high)}]{star}{count}"


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
