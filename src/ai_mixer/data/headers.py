"""What the headers of a collection say, in a table: 100,000 of them are read once, not every start.

A row is good as long as its file has the same size and the same time of change.
"""

import csv
import os
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

from ai_mixer.data.audio import Header, SongError, probe
from ai_mixer.disk import writing
from ai_mixer.quiet import track

READERS = 8  # waiting for the disk, mostly
MANY = 1000  # headers between two steps of the progress bar


class Entry(NamedTuple):
    """A row: what the file was like, and its header or why it has none."""

    size: int
    mtime_ns: int
    header: Header | None
    reason: str


def headers(files: Sequence[Path], root: Path, table: Path | None) -> list[Header | SongError]:
    """The header of each file below `root`, or why it cannot be used.

    Read from `table` where it knows the file as it is now, else from the file; the table is then
    written anew. None: no table.
    """
    names = [file.relative_to(root).as_posix() for file in files]
    known = _load(table) if table else {}
    states = [_state(file) for file in files]
    fresh = {
        name: file
        for name, file, state in zip(names, files, states, strict=True)
        if state is not None and (name not in known or known[name][:2] != state)
    }
    if fresh:
        read = dict(zip(fresh, _probe_all(list(fresh.values())), strict=True))
        known |= {
            name: Entry(*state, *read[name])
            for name, state in zip(names, states, strict=True)
            if name in read and state is not None
        }
        if table:
            _save(table, known)
    return [
        _verdict(file, known[name] if state else None)
        for name, file, state in zip(names, files, states, strict=True)
    ]


def _state(file: Path) -> tuple[int, int] | None:
    """Size and time of change; None if it is not there, or may not be looked at."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _verdict(file: Path, entry: Entry | None) -> Header | SongError:
    if entry is None:
        return SongError(file, "no such file")
    return entry.header or SongError(file, entry.reason)


def _probe_all(files: Sequence[Path]) -> list[tuple[Header | None, str]]:
    """Header and reason of each, read by a few threads."""
    starts = range(0, len(files), MANY)
    with ThreadPool(READERS) as pool:
        return [
            result
            for start in (track(starts, f"headers, by {MANY}") if len(starts) > 1 else starts)
            for result in pool.map(_probe, files[start : start + MANY])
        ]


def _probe(file: Path) -> tuple[Header | None, str]:
    try:
        return probe(file), ""
    except SongError as error:
        return None, error.reason


def _load(table: Path) -> dict[str, Entry]:
    """The rows of a table; none if there is none, or it is not one of ours."""
    try:
        with table.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            return {row["file"]: _entry(row) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError, TypeError, csv.Error):
        return {}


def _entry(row: dict[str, str]) -> Entry:
    header = None
    if not row["reason"]:
        header = Header(float(row["duration_s"]), int(row["sample_rate"]), int(row["channels"]))
    return Entry(int(row["size"]), int(row["mtime_ns"]), header, row["reason"])


def _save(table: Path, entries: dict[str, Entry]) -> None:
    """All rows, in the place of the old ones once they are complete."""
    table.parent.mkdir(parents=True, exist_ok=True)
    draft = table.with_name(f".{table.name}.{os.getpid()}.tmp")
    with writing(table):
        try:
            with draft.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
                rows = csv.writer(file)
                rows.writerow(["file", "size", "mtime_ns", *Header._fields, "reason"])
                for name, entry in sorted(entries.items()):
                    header = entry.header or ("",) * len(Header._fields)
                    rows.writerow([name, entry.size, entry.mtime_ns, *header, entry.reason])
            draft.replace(table)
        finally:
            draft.unlink(missing_ok=True)
