"""What a comparison says: one page to hear and read, tables as CSV, lines on the screen."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ai_mixer.listening import Label, Section, SongSamples, write_page
from ai_mixer.metrics.markdown import HIGH, LOW, to_markdown
from ai_mixer.stages.contenders import Contender
from ai_mixer.stages.unseen import Unseen

ROWS = 12  # of a long table on the page; the CSV has all


class Comparison(NamedTuple):
    """records: of every excerpt and run; tables by name; what was left out; songs to listen to."""

    contenders: list[Contender]
    records: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    songs: Unseen
    samples: list[SongSamples]


def write(found: Comparison, folder: Path) -> Path:
    """The page `index.html` and the tables beside it as CSV. Returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    found.records.to_csv(folder / "records.csv", index=False)
    for name, table in found.tables.items():
        table.to_csv(folder / f"{name}.csv")
    return write_page(
        folder / "index.html",
        " · ".join(run.letter for run in found.contenders) + ": the same songs by several runs",
        found.samples,
        subtitle=", ".join(f"{run.letter} = {run.title}" for run in found.contenders),
        mixes={run.version: Label(run.letter, run.title) for run in found.contenders},
        sections=_sections(found),
    )


def words(found: Comparison) -> str:
    """What is said on the screen."""
    names = [f"{run.letter} = {run.title}" for run in found.contenders]
    tables = [to_markdown(found.tables[name]) for name in ("standings", "differences")]
    return "\n".join([*names, *_left_out(found.songs), "", *tables])


def _sections(found: Comparison) -> list[Section]:
    songs = found.records["song_id"].nunique()
    where = f"{songs} songs that no run learned from, the same excerpts for all."
    left_out = " ".join(_left_out(found.songs))
    tables = found.tables
    first = found.contenders[0].letter
    return [
        Section(
            "How good, and how sure",
            ["Run", *_heads(tables["standings"])],
            _cells(tables["standings"]),
            f"{where} Skill: 0 = always the mean knobs (of {first}), 1 = exact. Closeness: 0 = the "
            "rough version, 1 = the finished one. In brackets the 95 % interval over songs. "
            + left_out,
        ),
        Section(
            "Run against run",
            ["Pair", *_heads(tables["differences"])],
            _cells(tables["differences"], mark=True),
            "The first run minus the second, paired over the same songs. * = the 95 % interval "
            "leaves out 0. Of twenty such numbers one has a * by luck alone.",
        ),
        Section(
            "Song by song",
            ["Song", *tables["songs"].columns],
            _cells(tables["songs"].head(ROWS)),
            "Mean closeness over all conditions; where the runs are furthest apart comes first.",
        ),
        Section(
            "What the runs were told",
            ["Setting", *tables["settings"].columns],
            _cells(tables["settings"]),
            "Settings in which their configs differ.",
        ),
    ]


def _left_out(songs: Unseen) -> list[str]:
    """Songs and runs to be careful with, by name."""
    said = []
    if songs.seen:
        named = [f"{song} (of {', '.join(who)})" for song, who in list(songs.seen.items())[:ROWS]]
        more = " …" if len(songs.seen) > ROWS else ""
        said.append(f"Left out, as a run learned from them: {', '.join(named)}{more}.")
    if songs.unknown:
        said.append(f"{', '.join(songs.unknown)}: no split.csv, so its training songs are unknown.")
    return said


def _heads(table: pd.DataFrame) -> list[str]:
    return [name.capitalize() for name in _values(table)]


def _values(table: pd.DataFrame) -> list[str]:
    """The columns that are no end of an interval."""
    return [name for name in map(str, table) if not name.endswith((LOW, HIGH))]


def _cells(table: pd.DataFrame, mark: bool = False) -> list[list[str]]:
    """A table's lines as texts; with `mark`, a star where the interval leaves out 0."""
    rows = zip(table.index, table.to_dict("records"), strict=True)
    return [
        [str(key).replace("_", " "), *(_cell(row, name, mark) for name in _values(table))]
        for key, row in rows
    ]


def _cell(row: dict[Any, Any], name: str, mark: bool) -> str:
    value, low, high = (row.get(name + end, math.nan) for end in ("", LOW, HIGH))
    if isinstance(value, str):
        return value
    if math.isnan(value) or math.isnan(low):
        return "–" if math.isnan(value) else _number(value)
    star = " *" if mark and (low > 0 or high < 0) else ""
    return f"{_number(value)} [{_number(low)}, {_number(high)}]{star}"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
