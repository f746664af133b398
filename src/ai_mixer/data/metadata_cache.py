"""Cache of audio headers, tags, digests and computed values, in one SQLite file.

Opening a large collection again reads only new and changed files. An entry is valid as long as the
size and modification time of its file are the same. Nothing is written to the folder of the music.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ai_mixer.audio.completeness import Completeness
from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import Header, read_header
from ai_mixer.audio.open_audio import open_audio
from ai_mixer.audio.tags import read_tags
from ai_mixer.core.types import SkippedSong
from ai_mixer.data.audio_fingerprint import VERSION, fingerprint_file
from ai_mixer.data.file_digest import READER_THREADS, digest_file
from ai_mixer.utils.progress import progress_bar

FILE_NAME = "index.sqlite"
ROWS_PER_WRITE = 500  # results that are lost at most if the process is stopped
TABLES = (
    # Named `files` before 2026-11, with lengths that some headers had wrong.
    "CREATE TABLE IF NOT EXISTS audio_files (path BLOB PRIMARY KEY, size INTEGER, "
    "mtime_ns INTEGER, duration_s REAL, sample_rate INTEGER, channels INTEGER, artist TEXT, "
    "title TEXT, genre TEXT, licence TEXT, digest TEXT, missing TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID",
)

T = TypeVar("T")
R = TypeVar("R")


class FileMetadata(NamedTuple):
    """Header and tags of a file, and the digest of its content.

    missing: which part cannot be read, as `Completeness.note`.
    """

    header: Header
    artist: str | None
    title: str | None
    genre: str | None
    licence: str | None
    digest: str
    missing: str | None


class ScanResult(NamedTuple):
    """Metadata of usable files, skipped files, and paths that changed or were removed since."""

    metadata: dict[Path, FileMetadata]
    skipped: list[SkippedSong]
    changed: list[str]
    removed: list[str]


class MetadataCache:
    """Cache in `folder`; with None, or if it cannot be written, nothing is cached."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self.file = None if folder is None else Path(folder).expanduser() / FILE_NAME

    def scan(self, files: Sequence[Path], root: Path | None = None) -> ScanResult:
        """Metadata of `files`, in their order; only new and changed files are opened.

        root: cached files below it that no longer exist are listed in `removed`.
        """
        stamps, skipped = _file_stamps(files)
        cached = self._files(root or Path(os.path.commonpath(files) if files else "/"))
        metadata, unread, changed = {}, [], []
        for file, stamp in stamps.items():
            row = cached.pop(os.fsencode(file), None)
            if row is not None and row[:2] == stamp:
                metadata[file] = FileMetadata(Header(*row[2:5]), *row[5:])
                continue
            unread.append(file)
            if row is not None:
                changed.append(str(file))
        removed = [path for path in cached if root is not None and not os.path.lexists(path)]
        self._write("DELETE FROM audio_files WHERE path = ?", [(path,) for path in removed])
        insert = f"INSERT OR REPLACE INTO audio_files VALUES ({', '.join('?' * 12)})"
        for batch in _map_in_batches(_read_metadata, unread, "reading audio headers"):
            rows = []
            for file, result in batch:
                if isinstance(result, SongError):
                    skipped.append(SkippedSong(result.file, result.reason))
                else:
                    metadata[file] = result
                    rows.append((os.fsencode(file), *stamps[file], *result.header, *result[1:]))
            self._write(insert, rows)
        in_order = {file: metadata[file] for file in stamps if file in metadata}
        return ScanResult(in_order, skipped, changed, [os.fsdecode(path) for path in removed])

    def fingerprints(self, songs: Sequence[tuple[Path, str]]) -> list[np.ndarray]:
        """Fingerprints of songs given as (file, digest of its content): see `fingerprint_audio`."""
        inputs = {f"print {VERSION} {digest}": file for file, digest in songs}
        results = self.get_or_compute(inputs, _fingerprint_bytes, "fingerprinting songs")
        blobs = (results[f"print {VERSION} {digest}"] for _, digest in songs)
        return [_unpack_fingerprint(blob) for blob in blobs]

    def get_or_compute(
        self, inputs: dict[str, T], compute: Callable[[T], bytes], title: str
    ) -> dict[str, bytes]:
        """Key → compute(inputs[key]), cached; missing values are computed in parallel threads.

        title: of the progress bar.
        """
        query = "SELECT key, value FROM facts WHERE key = ?"
        values = dict(self._select(query, [(key,) for key in inputs]))
        missing = [key for key in inputs if key not in values]
        for batch in _map_in_batches(lambda key: compute(inputs[key]), missing, title):
            self._write("INSERT OR REPLACE INTO facts VALUES (?, ?)", batch)
            values |= dict(batch)
        return values

    def _files(self, root: Path) -> dict[bytes, tuple[Any, ...]]:
        """Rows of the files below a folder, by path."""
        start = os.fsencode(root).rstrip(b"/") + b"/"
        below = "SELECT * FROM audio_files WHERE path >= ? AND path < ?"
        return {row[0]: row[1:] for row in self._select(below, [(start, start[:-1] + b"0")])}

    def _select(self, query: str, parameters: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        if self.file is None or not self.file.is_file():
            return []
        try:
            with closing(self._connect()) as database:
                return [row for values in parameters for row in database.execute(query, values)]
        except sqlite3.Error:  # damaged, or with other tables: read everything again
            return []

    def _write(self, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if self.file is None or not rows:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as database, database:
                database.executemany(query, rows)
        except (OSError, sqlite3.Error):  # the cache is optional
            return

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(str(self.file), timeout=30.0)
        for table in TABLES:
            database.execute(table)
        return database


def _file_stamps(files: Sequence[Path]) -> tuple[dict[Path, tuple[int, int]], list[SkippedSong]]:
    """(size, modification time) of each file, and files that do not exist with the reason."""
    stamps, missing = {}, []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            missing.append(file)
        else:
            stamps[file] = (status.st_size, status.st_mtime_ns)
    errors = (_read_metadata(file) for file in missing)
    return stamps, [SkippedSong(e.file, e.reason) for e in errors if isinstance(e, SongError)]


def _read_metadata(file: Path) -> FileMetadata | SongError:
    try:
        with open_audio(file, check_end=True) as sound:
            header = read_header(file, sound)
            missing = Completeness(sound).note(sound.frames)
            tags = read_tags(sound)
        licence = tags.get("license") or tags.get("copyright")
        labels = (tags.get("artist"), tags.get("title"), tags.get("genre"), licence)
        return FileMetadata(header, *labels, digest_file(file), missing)
    except SongError as error:
        return error
    except OSError as error:  # removed since its header was read
        return SongError(file, str(error.strerror))


def _fingerprint_bytes(file: Path) -> bytes:
    """The number of dimensions, then the fingerprint."""
    try:
        fingerprint = fingerprint_file(file)
        return np.append(np.uint32(fingerprint.ndim), fingerprint).astype(np.uint32).tobytes()
    except SongError:  # damaged: reported when an excerpt is read (docs/decisions/0017)
        return b""


def _unpack_fingerprint(blob: bytes) -> np.ndarray:
    values = np.frombuffer(blob, np.uint32)
    return values[1:].reshape(2, -1) if len(values) and values[0] == 2 else values[1:]


def _map_in_batches(
    compute: Callable[[T], R], items: Sequence[T], title: str
) -> Iterator[list[tuple[T, R]]]:
    """Batches of (item, result), in order; computed in threads, as decoders release the GIL."""
    if not items:
        return
    batch = []
    with ThreadPool(READER_THREADS) as pool:
        results = pool.imap(compute, items, chunksize=4)
        for item in progress_bar(items, title):
            batch.append((item, next(results)))
            if len(batch) == ROWS_PER_WRITE:
                yield batch
                batch = []
        yield batch
