"""What the headers of a collection say, in a table: 100,000 of them are read once, not every start.

A row is good as long as its file has the same size and the same time of change. What cannot be used
has no row: it is looked at again each time, for it may have been mended.
"""

import csv
import os
from collections.abc import Mapping, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

from ai_mixer.data.audio import Header, SongError, probe
from ai_mixer.disk import writing
from ai_mixer.quiet import track

READERS = 8  # waiting for the disk, mostly
MANY = 1000  # headers between two steps of the progress bar


class Row(NamedTuple):
    """A header, and (size, time of change in ns) of the file when it was read."""

    state: tuple[int, int]
    header: Header


def headers(files: Sequence[Path], root: Path, table: Path | None) -> list[Header | SongError]:
    """The header of each file below `root`, or why it cannot be used.

    Taken from `table` where it knows the file as it is now, else read; what is new is added to the
    table. None: no table.
    """
    names = [file.relative_to(root).as_posix() for file in files]
    states = [_state(file) for file in files]
    known = _load(table) if table else {}
    fits = [name in known and known[name].state == s for name, s in zip(names, states, strict=True)]
    places = [place for place, fit in enumerate(fits) if not fit]
    read = dict(zip(places, _probe_all([files[place] for place in places]), strict=True))
    fresh = {
        names[place]: Row(state, header)
        for place, header in read.items()
        if (state := states[place]) and isinstance(header, Header)
    }
    if table and fresh:
        _save(table, known | fresh)
    return [known[name].header if fits[n] else read[n] for n, name in enumerate(names)]


def _state(file: Path) -> tuple[int, int] | None:
    """Size and time of change; None if it is not there, or may not be looked at."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _probe_all(files: Sequence[Path]) -> list[Header | SongError]:
    """Read by a few threads."""
    starts = range(0, len(files), MANY)
    with ThreadPool(READERS) as pool:
        return [
            found
            for start in (track(starts, f"headers, by {MANY}") if len(starts) > 1 else starts)
            for found in pool.map(_probe, files[start : start + MANY])
        ]


def _probe(file: Path) -> Header | SongError:
    try:
        return probe(file)
    except SongError as error:
        return error


def _load(table: Path) -> dict[str, Row]:
    """The rows of a table; none if there is none, or it is not one of ours."""
    try:
        with table.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            return {
                row["file"]: Row(
                    (int(row["size"]), int(row["mtime_ns"])),
                    Header(float(row["duration_s"]), int(row["sample_rate"]), int(row["channels"])),
                )
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError, ValueError, TypeError, csv.Error):
        return {}


def _save(table: Path, rows: Mapping[str, Row]) -> None:
    """All rows, in the place of the old ones once they are complete."""
    table.parent.mkdir(parents=True, exist_ok=True)
    draft = table.with_name(f".{table.name}.{os.getpid()}.tmp")
    with writing(table):
        try:
            with draft.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
                lines = csv.writer(file)
                lines.writerow(["file", "size", "mtime_ns", *Header._fields])
                lines.writerows((name, *row.state, *row.header) for name, row in rows.items())
            draft.replace(table)
        finally:
            draft.unlink(missing_ok=True)
