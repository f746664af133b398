"""The table that says which songs there are: one CSV row per recording, one `Song` each.

Columns: file (the only one required), song, title, artist, group, fold, split, genre, licence,
source, source_path, start_s, duration_s, dry, rough, reference, drums, bass, vocals, other. `file`,
`dry`, `rough`, `reference` and the stems are paths relative to the manifest. `group` is what must
not be split: artist or corpus. A `rough` is aligned as in `pairs.py`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ai_mixer.audio.excerpt import SongError
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.metadata_cache import FileMetadata, MetadataCache
from ai_mixer.data.paired_audio import Pair, align_pairs
from ai_mixer.data.skipped_songs import warn_changed_files
from ai_mixer.data.song_collector import SongCollector, reference_song, split_songs
from ai_mixer.data.split_assignment import Recording
from ai_mixer.data.splits import SPLITS

STEMS = ("drums", "bass", "vocals", "other")
_TEXT_COLUMNS = (
    "song",
    "title",
    "artist",
    "group",
    "genre",
    "licence",
    "split",
    "dry",
    "rough",
    *STEMS,
)
ROUGH, REFERENCE = "rough", "reference"


def find_manifest(root: Path) -> Path | None:
    """`manifest.csv` in the root or in the folder above it."""
    places = (root / "manifest.csv", root.parent / "manifest.csv")
    return next((place for place in places if place.is_file()), None)


class ManifestSongs(NamedTuple):
    """Songs, and what had to be left out."""

    songs: list[Song]
    skipped: list[SkippedSong]


def read_manifest(
    path: Path, root: Path | None = None, fold: int | str | None = None
) -> ManifestSongs:
    """The songs of a manifest whose files lie under `root` (default: all of them).

    Without a split column (or where a cell is empty) songs are split by group; `fold` replaces the
    split by k-fold (see `sides.deal`). ValueError if the manifest is missing or malformed, no song
    is left, or one song or group is on two sides.
    """
    songs, skipped, _ = split_songs(collect_manifest(path, root), path, fold=fold)
    return ManifestSongs(songs, skipped)


def collect_manifest(
    path: Path, root: Path | None = None, index: MetadataCache | None = None
) -> SongCollector:
    """Every row's place, and the songs of those under `root`. index: keeps what headers say."""
    rows = _rows(path)
    files = [path.parent / row["file"] for row in rows]
    inside = files
    if root is not None:
        tree = root.resolve()
        inside = [file for file in files if file.resolve().is_relative_to(tree)]
    scan = (index or MetadataCache()).scan(inside)
    warn_changed_files(scan)
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
        why = first[0] if first else f"none of its {len(rows)} files lies under {root}"
        raise ValueError(f"{path}: no usable song: {why}")
    return collector


def write_manifest(path: Path, songs: Sequence[Song]) -> None:
    """Write songs as a manifest that `read_manifest` reads back; files must lie beside or below."""
    rows = []
    for song in songs:
        paths = {"file": song.path, "dry": song.dry_path, "rough": song.rough_path, **song.stems}
        row: dict[str, Any] = {name: getattr(song, name, None) for name in _TEXT_COLUMNS}
        row |= {
            name: file.relative_to(path.parent).as_posix() for name, file in paths.items() if file
        }
        rows.append(row | {"duration_s": song.duration_s})
    columns = ["file", *_TEXT_COLUMNS[:7], "duration_s", *_TEXT_COLUMNS[7:]]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=columns).dropna(axis="columns", how="all").to_csv(path, index=False)


def song_ids(files: Sequence[str]) -> list[str]:
    """Names for songs: the file without its suffix, with it where two would be the same.

    >>> song_ids(["rock/one.wav", "rock/two.wav", "rock/two.flac"])
    ['rock/one', 'rock/two.wav', 'rock/two.flac']
    """
    names = [Path(file).with_suffix("").as_posix() for file in files]
    taken = Counter(names)
    return [name if taken[name] == 1 else file for name, file in zip(names, files, strict=True)]


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise ValueError(f"{path}: no such manifest")
    try:
        table = pd.read_csv(
            path, dtype=dict.fromkeys(("file", *_TEXT_COLUMNS, REFERENCE), "object")
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is no CSV table ({str(error).strip()})") from error
    if "file" not in table.columns:
        raise ValueError(f"{path}: needs a column `file`, has {', '.join(table.columns)}")
    filled = table.astype(object).where(table.notna(), None)
    rows = [{str(name): cell for name, cell in row.items()} for row in filled.to_dict("records")]
    for number, row in enumerate(rows, start=2):
        if row["file"] is None:
            raise ValueError(f"{path}: line {number} has no file")
        if row.get("split") not in (None, *SPLITS):
            raise ValueError(
                f"{path}: line {number}: split {row['split']!r} is none of {', '.join(SPLITS)}"
            )
    return rows


def _recording(row: dict[str, Any]) -> Recording:
    fold = None if row.get("fold") is None else int(row["fold"])
    return Recording(row["file"], _name(row), _group(row), row.get("genre"), row.get("split"), fold)


def _song(folder: Path, row: dict[str, Any], song_id: str, metadata: FileMetadata) -> Song:
    """One row as a song, its side still open. SongError if a file it names is missing."""
    file = folder / row["file"]
    named = ("dry", ROUGH, REFERENCE, *STEMS)
    others = {name: folder / row[name] for name in named if row.get(name)}
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
    )


def _add_roughs_and_references(
    collector: SongCollector,
    metadata: dict[Path, FileMetadata],
    references: dict[int, Path],
    index: MetadataCache,
) -> None:
    """Align each rough with its song, open each reference; where one fails the song is left out."""
    pairs = {
        n: Pair(s.id, s.rough_path, s.path) for n, s in collector.songs.items() if s.rough_path
    }
    scan = index.scan([*(pair.before for pair in pairs.values()), *references.values()])
    pairs = {n: pair for n, pair in pairs.items() if pair.before in scan.metadata}
    found, misfits = align_pairs(list(pairs.values()), metadata | scan.metadata, index)
    collector.skipped += [*scan.skipped, *misfits]
    for number, song in list(collector.songs.items()):
        pair, reference = pairs.get(number), references.get(number)
        lost = song.rough_path is not None and pair not in found
        if lost or (reference is not None and reference not in scan.metadata):
            del collector.songs[number], collector.digests[number]
            continue
        heard = reference_song(song, reference, scan.metadata[reference]) if reference else None
        lag_s = found[pair] if pair else 0.0
        collector.songs[number] = replace(song, rough_lag_s=lag_s, reference=heard)


def _name(row: dict[str, Any]) -> str:
    return row.get("song") or Path(row["file"]).with_suffix("").as_posix()


def _group(row: dict[str, Any]) -> str:
    """What must not be split: the first of group, artist, song, file that is known."""
    return str(next(row[name] for name in ("group", "artist", "song", "file") if row.get(name)))
