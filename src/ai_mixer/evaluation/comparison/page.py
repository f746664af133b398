"""What a comparison says: one page to hear and read, tables as CSV, lines on the screen."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.comparison.holdout_filter import HoldoutSongs
from ai_mixer.evaluation.comparison.runs import ComparedRun
from ai_mixer.listening import SongSamples, TableSection, VersionLabel, write_page
from ai_mixer.utils.markdown import HIGH, LOW, to_markdown

MAX_SONG_ROWS, MAX_SETTING_ROWS = 12, 40  # of a long table on the page; the CSV has all
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
INTERVAL_NOTE = (
    "In brackets the 95 % interval over songs, the first run minus the second (A − B) is "
    "paired; * = its interval "
    "leaves out 0, as one in twenty does by luck alone."
)


class Comparison(NamedTuple):
    """records: of every excerpt and run; tables by name; what was left out; songs to listen to."""

    runs: list[ComparedRun]
    records: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    songs: HoldoutSongs
    samples: list[SongSamples]


def write_comparison(found: Comparison, folder: Path) -> Path:
    """The page `index.html` and the tables beside it as CSV. Returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    found.records.to_csv(folder / "records.csv", index=False)
    for name, table in found.tables.items():
        table.to_csv(folder / f"{name}.csv")
    return write_page(
        folder / "index.html",
        " · ".join(run.letter for run in found.runs) + ": the same songs by several runs",
        found.samples,
        subtitle=", ".join(f"{run.letter} = {run.title}" for run in found.runs),
        mixes={run.version: VersionLabel(run.letter, run.title) for run in found.runs},
        sections=_sections(found),
    )


def summary_text(found: Comparison) -> str:
    """What is said on the screen."""
    names = [f"{run.letter} = {run.title}" for run in found.runs]
    tables = [to_markdown(found.tables[name]) for name in ("standings", "differences")]
    return "\n".join([*names, *_exclusion_notes(found.songs), "", *tables])


def _sections(found: Comparison) -> list[TableSection]:
    songs = found.records["song_id"].nunique()
    where = f"{songs} songs that no run learned from, the same excerpts for all."
    left_out = " ".join(_exclusion_notes(found.songs))
    tables = found.tables
    first = found.runs[0].letter
    return [
        TableSection(
            "Knob skill",
            ["Run", *CONDITIONS],
            _rows(tables, "skill"),
            f"{where} 0 = always the mean knobs (of {first}), 1 = exact. "
            f"{INTERVAL_NOTE} {left_out}",
        ),
        TableSection(
            "Closeness",
            ["Run", *CONDITIONS],
            _rows(tables, "closeness"),
            f"The same excerpts. 0 = the rough version, 1 = the finished one. {INTERVAL_NOTE}",
        ),
        TableSection(
            "Song by song",
            ["Song", *tables["songs"].columns],
            _cells(tables["songs"].head(MAX_SONG_ROWS), list(tables["songs"].columns)),
            "Mean closeness over all conditions; where the runs are furthest apart comes first.",
        ),
        TableSection(
            "What the runs were told",
            ["Setting", *tables["settings"].columns],
            _cells(tables["settings"].head(MAX_SETTING_ROWS), list(tables["settings"].columns)),
            "Settings in which their configs differ.",
        ),
    ]


def _exclusion_notes(songs: HoldoutSongs) -> list[str]:
    """Songs and runs to be careful with, by name."""
    said = []
    if songs.excluded:
        named = [
            f"{song} (of {', '.join(who)})"
            for song, who in list(songs.excluded.items())[:MAX_SONG_ROWS]
        ]
        more = " …" if len(songs.excluded) > MAX_SONG_ROWS else ""
        said.append(f"Left out, as a run learned from them: {', '.join(named)}{more}.")
    if songs.runs_without_split:
        said.append(
            f"{', '.join(songs.runs_without_split)}: no split.csv, so its training songs "
            "are unknown."
        )
    return said


def _rows(tables: Mapping[str, pd.DataFrame], measure: str) -> list[list[str]]:
    """Every run under each condition, then every pair of runs."""
    names = [f"{measure} {condition}" for condition in CONDITIONS]
    pairs = _cells(tables["differences"], names, star_significant=True)
    return [*_cells(tables["standings"].dropna(subset=names), names), *pairs]


def _cells(
    table: pd.DataFrame, columns: list[str], star_significant: bool = False
) -> list[list[str]]:
    """A table's lines as texts; with `mark`, a star where the interval leaves out 0."""
    rows = zip(table.index, table.to_dict("records"), strict=True)
    return [
        [str(key), *(_cell(row, name, star_significant) for name in columns)] for key, row in rows
    ]


def _cell(row: dict[Any, Any], name: str, star_significant: bool) -> str:
    value, low, high = (row.get(name + end, math.nan) for end in ("", LOW, HIGH))
    if isinstance(value, str):
        return value
    if math.isnan(value) or math.isnan(low):
        return "–" if math.isnan(value) else _number(value)
    star = f"{NO_BREAK_SPACE}*" if star_significant and (low > 0 or high < 0) else ""
    return f"{_number(value)} [{_number(low)},{NO_BREAK_SPACE}{_number(high)}]{star}"


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
