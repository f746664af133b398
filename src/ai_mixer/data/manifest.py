"""Manifest of songs: a CSV table with one row per recording.

Columns: file (the only one required), song, title, artist, group, fold, split, genre, licence,
source, source_path, source_digest, start_s, duration_s, dry, rough, reference, drums, bass, vocals,
other. `file`, `dry`, `rough`, `reference` and the stems are paths relative to the manifest. Songs
of one `group` (artist or corpus) are in one split. A `rough` is aligned as in `paired_audio.py`.
`source_digest` is that of the file that an excerpt was taken from (`make roughs` writes it).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.tags import normalize_text
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.metadata_cache import FileMetadata, MetadataCache
from ai_mixer.data.paired_audio import Pair, align_pairs
from ai_mixer.data.skipped_songs import warn_changed_files, warn_incomplete_files
from ai_mixer.data.song_collector import SongCollector, reference_song, split_songs
from ai_mixer.data.split_assignment import Recording
from ai_mixer.data.splits import SPLITS

STEMS = ("drums", "bass", "vocals", "other")
_LABEL_COLUMNS = ("song", "title", "artist", "group", "genre", "licence", "split", "source_digest")
_PATH_COLUMNS = ("dry", "rough", *STEMS)
ROUGH, REFERENCE = "rough", "reference"


def find_manifest(root: Path) -> Path | None:
    """Path of `manifest.csv` in the root or in the folder above, None if there is none."""
    paths = (root / "manifest.csv", root.parent / "manifest.csv")
    return next((path for path in paths if path.is_file()), None)


class ManifestSongs(NamedTuple):
    """Songs, and the rows that were skipped."""

    songs: list[Song]
    skipped: list[SkippedSong]


def read_manifest(
    path: Path, root: Path | None = None, fold: int | str | None = None
) -> ManifestSongs:
    """Read the songs of a manifest whose files are below `root` (default: all songs).

    Songs without a split in the manifest are split by group; `fold` replaces the splits by k-fold
    splits (see `split_assignment.assign_splits`). Raises ValueError if the manifest is missing or
    malformed, there is no usable song, or a song or group is in two splits.
    """
    songs, skipped, _ = split_songs(collect_manifest(path, root), path, fold=fold)
    return ManifestSongs(songs, skipped)


def collect_manifest(
    path: Path, root: Path | None = None, index: MetadataCache | None = None
) -> SongCollector:
    """Collect all rows, and the songs of those below `root`. index: cache of audio metadata."""
    rows = _rows(path)
    files = [path.parent / row["file"] for row in rows]
    inside = files
    if root is not None:
        tree = root.resolve()
        inside = [file for file in files if file.resolve().is_relative_to(tree)]
    scan = (index or MetadataCache()).scan(inside)
    warn_changed_files(scan)
    warn_incomplete_files(scan)
    collector = SongCollector(skipped=list(scan.skipped))
    references: dict[int, Path] = {}
    ids = song_ids([row["file"] for row in rows])
    for row, file, song_id in zip(rows, files, ids, strict=True):
        song, metadata = None, scan.metadata.get(file)
        if metadata is not None:
            try:
                song = _song(path.parent, row, song_id, metadata)
            except SongError as error:
                collector.skipped.append(SkippedSong(error.file, error.reason))
        number = collector.add(_recording(row), song, metadata.digest if metadata else "")
        if song is not None and row.get(REFERENCE):
            references[number] = path.parent / row[REFERENCE]
    rows_of = {file: number for number, file in enumerate(files)}
    collector.links += [
        (rows_of[file], number, "a song and its reference")
        for number, file in references.items()
        if file in rows_of
    ]
    _add_roughs_and_references(collector, scan.metadata, references, index or MetadataCache())
    if not collector.songs:
        first = collector.skipped[:1]
        reason = first[0] if first else f"none of its {len(rows)} files is below {root}"
        raise ValueError(f"{path}: no usable song: {reason}")
    return collector


def write_manifest(path: Path, songs: Sequence[Song]) -> None:
    """Write a manifest for `read_manifest`; all files must be in its folder or below."""
    rows = []
    for song in songs:
        paths = {"file": song.path, "dry": song.dry_path, "rough": song.rough_path, **song.stems}
        row: dict[str, Any] = {name: getattr(song, name) for name in _LABEL_COLUMNS}
        row |= {
            name: file.relative_to(path.parent).as_posix() for name, file in paths.items() if file
        }
        rows.append(row | {"duration_s": song.duration_s})
    columns = ["file", *_LABEL_COLUMNS, "duration_s", *_PATH_COLUMNS]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=columns).dropna(axis="columns", how="all").to_csv(path, index=False)


def song_ids(files: Sequence[str]) -> list[str]:
    """Unique ids: the file without its suffix, or with it if two files differ only in it.

    >>> song_ids(["rock/one.wav", "rock/two.wav", "rock/two.flac"])
    ['rock/one', 'rock/two.wav', 'rock/two.flac']
    """
    names = [Path(file).with_suffix("").as_posix() for file in files]
    counts = Counter(names)
    return [name if counts[name] == 1 else file for name, file in zip(names, files, strict=True)]


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise ValueError(f"{path}: no such manifest")
    try:
        text_columns = ("file", *_LABEL_COLUMNS, *_PATH_COLUMNS, REFERENCE)
        table = pd.read_csv(path, dtype=dict.fromkeys(text_columns, "object"))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV table ({str(error).strip()})") from error
    if "file" not in table.columns:
        raise ValueError(f"{path}: needs a column `file`, has {', '.join(table.columns)}")
    filled = table.astype(object).where(table.notna(), None)
    rows = [{str(name): cell for name, cell in row.items()} for row in filled.to_dict("records")]
    for row in rows:
        labels = [name for name in _LABEL_COLUMNS if isinstance(row.get(name), str)]
        row.update({name: normalize_text(row[name]) for name in labels})
    for number, row in enumerate(rows, start=2):
        if row["file"] is None:
            raise ValueError(f"{path}: line {number} has no file")
        if row.get("split") not in (None, *SPLITS):
            raise ValueError(
                f"{path}: line {number}: split must be one of {', '.join(SPLITS)}, "
                f"got {row['split']!r}"
            )
    return rows


def _recording(row: dict[str, Any]) -> Recording:
    fold = None if row.get("fold") is None else int(row["fold"])
    return Recording(row["file"], _name(row), _group(row), row.get("genre"), row.get("split"), fold)


def _song(folder: Path, row: dict[str, Any], song_id: str, metadata: FileMetadata) -> Song:
    """The song of a row, without its split. SongError if a file of the row is missing."""
    file = folder / row["file"]
    columns = (*_PATH_COLUMNS, REFERENCE)
    others = {name: folder / row[name] for name in columns if row.get(name)}
    missing = [str(other) for other in others.values() if not other.is_file()]
    if missing:
        raise SongError(file, f"needs {missing[0]}: no such file")
    return Song(
        id=song_id,
        path=file,
        song=_name(row),
        group=_group(row),
        split="",
        **metadata.header._asdict(),
        dry_path=others.get("dry"),
        rough_path=others.get(ROUGH),
        stems={name: others[name] for name in STEMS if name in others},
        genre=row.get("genre"),
        artist=row.get("artist"),
        title=row.get("title"),
        licence=row.get("licence"),
        source_digest=_digest(row.get("source_digest")),
    )


def _add_roughs_and_references(
    collector: SongCollector,
    metadata: dict[Path, FileMetadata],
    references: dict[int, Path],
    index: MetadataCache,
) -> None:
    """Align each rough with its song and add references; skips songs where one of them fails."""
    pairs = {
        n: Pair(s.id, s.rough_path, s.path) for n, s in collector.songs.items() if s.rough_path
    }
    scan = index.scan([*(pair.before for pair in pairs.values()), *references.values()])
    pairs = {n: pair for n, pair in pairs.items() if pair.before in scan.metadata}
    lags_s, mismatched = align_pairs(list(pairs.values()), metadata | scan.metadata, index)
    collector.skipped += [*scan.skipped, *mismatched]
    for number, song in list(collector.songs.items()):
        pair, file = pairs.get(number), references.get(number)
        unaligned = song.rough_path is not None and pair not in lags_s
        if unaligned or (file is not None and file not in scan.metadata):
            del collector.songs[number], collector.digests[number]
            continue
        reference = reference_song(song, file, scan.metadata[file]) if file else None
        lag_s = lags_s[pair] if pair else 0.0
        collector.songs[number] = replace(song, rough_lag_s=lag_s, reference=reference)


def _digest(text: str | None) -> str | None:
    """The text if it is a digest of 16 hexadecimal digits, else None."""
    return text if text and re.fullmatch(r"[0-9a-f]{16}", text) else None


def _name(row: dict[str, Any]) -> str:
    return row.get("song") or Path(row["file"]).with_suffix("").as_posix()


def _group(row: dict[str, Any]) -> str:
    """The first of group, artist, song and file that is given."""
    return str(next(row[name] for name in ("group", "artist", "song", "file") if row.get(name)))
