"""What was read of sound files before: opening a large collection again reads no header twice.

One SQLite file in a folder of ours; a user's music is only read. What is known of a file counts as
long as it has the same size and time of change.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ai_mixer.audio.excerpt import Header, SongError, open_audio, probe
from ai_mixer.audio.tags import read_tags
from ai_mixer.core.types import SkippedSong
from ai_mixer.data.audio_fingerprint import VERSION, fingerprint_file
from ai_mixer.data.file_digest import READER_THREADS, digest_file
from ai_mixer.utils.progress import progress_bar

FILE_NAME = "index.sqlite"
ROWS_PER_WRITE = 500  # results between two writings: what is lost when it is stopped
TABLES = (
    "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, "
    "duration_s REAL, sample_rate INTEGER, channels INTEGER, artist TEXT, title TEXT, genre TEXT, "
    "licence TEXT, digest TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID",
)

T = TypeVar("T")
R = TypeVar("R")


class FileMetadata(NamedTuple):
    """What a file's header and tags say, and the digest of its content."""

    header: Header
    artist: str | None
    title: str | None
    genre: str | None
    licence: str | None
    digest: str


class ScanResult(NamedTuple):
    """Files that can be used and those that cannot; what is other than the last time."""

    metadata: dict[Path, FileMetadata]
    skipped: list[SkippedSong]
    changed: list[str]
    removed: list[str]


class MetadataCache:
    """Kept in `folder`; without one, or where it cannot be written, nothing is remembered."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self.file = None if folder is None else Path(folder).expanduser() / FILE_NAME

    def scan(self, files: Sequence[Path], root: Path | None = None) -> ScanResult:
        """Headers of `files`, in their order; only new and changed ones are opened.

        root: below it, files of the index that are no longer on disk are named in `gone`.
        """
        stamps, skipped = _file_stamps(files)
        before = self._files(root or Path(os.path.commonpath(files) if files else "/"))
        metadata, unread, changed = {}, [], []
        for file, stamp in stamps.items():
            row = before.pop(os.fsencode(file), None)
            if row is not None and row[:2] == stamp:
                metadata[file] = FileMetadata(Header(*row[2:5]), *row[5:])
                continue
            unread.append(file)
            if row is not None:
                changed.append(str(file))
        removed = [path for path in before if root is not None and not os.path.lexists(path)]
        self._write("DELETE FROM files WHERE path = ?", [(path,) for path in removed])
        insert = f"INSERT OR REPLACE INTO files VALUES ({', '.join('?' * 11)})"
        for some in _map_in_batches(_read_metadata, unread, "reading songs' headers"):
            rows = []
            for file, found in some:
                if isinstance(found, SongError):
                    skipped.append(SkippedSong(found.file, found.reason))
                else:
                    metadata[file] = found
                    rows.append((os.fsencode(file), *stamps[file], *found.header, *found[1:]))
            self._write(insert, rows)
        in_order = {file: metadata[file] for file in stamps if file in metadata}
        return ScanResult(in_order, skipped, changed, [os.fsdecode(path) for path in removed])

    def fingerprints(self, songs: Sequence[tuple[Path, str]]) -> list[np.ndarray]:
        """Sub-fingerprints [F] uint32 of each (file, digest of its content)."""
        wanted = {f"print {VERSION} {digest}": file for file, digest in songs}
        found = self.get_or_compute(wanted, _fingerprint_bytes, "listening for near-duplicates")
        blobs = (found[f"print {VERSION} {digest}"] for _, digest in songs)
        return [np.frombuffer(blob, np.uint32) for blob in blobs]

    def get_or_compute(
        self, wanted: dict[str, T], compute: Callable[[T], bytes], title: str
    ) -> dict[str, bytes]:
        """Key → what `ask` says of it; asked in parallel where it is not known yet, and kept."""
        query = "SELECT key, value FROM facts WHERE key = ?"
        metadata = dict(self._select(query, [(key,) for key in wanted]))
        unknown = [key for key in wanted if key not in metadata]
        for some in _map_in_batches(lambda key: compute(wanted[key]), unknown, title):
            self._write("INSERT OR REPLACE INTO facts VALUES (?, ?)", some)
            metadata |= dict(some)
        return metadata

    def _files(self, root: Path) -> dict[bytes, tuple[Any, ...]]:
        """Rows of the files below a folder, by their path."""
        start = os.fsencode(root).rstrip(b"/") + b"/"
        inside = "SELECT * FROM files WHERE path >= ? AND path < ?"
        return {row[0]: row[1:] for row in self._select(inside, [(start, start[:-1] + b"0")])}

    def _select(self, query: str, asked: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        if self.file is None or not self.file.is_file():
            return []
        try:
            with closing(self._connect()) as base:
                return [row for values in asked for row in base.execute(query, values)]
        except sqlite3.Error:  # damaged, or written by nobody we know: read everything again
            return []

    def _write(self, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if self.file is None or not rows:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as base, base:
                base.executemany(query, rows)
        except (OSError, sqlite3.Error):  # what cannot be kept is read again the next time
            return

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(str(self.file), timeout=30.0)
        for table in TABLES:
            base.execute(table)
        return base


def _file_stamps(files: Sequence[Path]) -> tuple[dict[Path, tuple[int, int]], list[SkippedSong]]:
    """(size, time of change) of each file; those that are not there are opened for the reason."""
    stamps, missing = {}, []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            missing.append(file)
        else:
            stamps[file] = (status.st_size, status.st_mtime_ns)
    refused = (_read_metadata(file) for file in missing)
    return stamps, [SkippedSong(e.file, e.reason) for e in refused if isinstance(e, SongError)]


def _read_metadata(file: Path) -> FileMetadata | SongError:
    try:
        header = probe(file)
        with open_audio(file) as sound:
            tags = read_tags(sound)
        licence = tags.get("license") or tags.get("copyright")
        told = (tags.get("artist"), tags.get("title"), tags.get("genre"), licence)
        return FileMetadata(header, *told, digest_file(file))
    except SongError as error:
        return error
    except OSError as error:  # gone since its header was read
        return SongError(file, str(error.strerror))


def _fingerprint_bytes(file: Path) -> bytes:
    try:
        return fingerprint_file(file).tobytes()
    except SongError:  # damaged inside: named when an excerpt is read (docs/decisions/0017)
        return b""


def _map_in_batches(
    compute: Callable[[T], R], items: Sequence[T], title: str
) -> Iterator[list[tuple[T, R]]]:
    """(item, answer) in their order, some at a time. Decoders let other threads run meanwhile."""
    if not items:
        return
    some = []
    with ThreadPool(READER_THREADS) as pool:
        answers = pool.imap(compute, items, chunksize=4)
        for item in progress_bar(items, title):
            some.append((item, next(answers)))
            if len(some) == ROWS_PER_WRITE:
                yield some
                some = []
        yield some
