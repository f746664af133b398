"""Tracks of songs in a manifest: a CSV file with one row per track.

Columns: `file` (relative to the manifest) and `song` are required; `track` (name), `role`, `group`,
`genre`, `artist`, `title`, `licence`, `split`, `fold` are optional. `songs.csv` beside it, one row
per song, may give the latter ones.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ai_mixer.core.roles import role_from_name
from ai_mixer.core.track import ROLES, Track
from ai_mixer.core.types import SkippedSong
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_collector import SongCollector
from ai_mixer.data.split_assignment import Recording
from ai_mixer.data.splits import SPLITS
from ai_mixer.data.track_songs import TrackFiles, add_track_song

SONGS = "songs.csv"
ROLE_ALIASES = {"fx": "effects", "sfx": "effects"}


def is_track_manifest(path: Path) -> bool:
    """Whether a CSV file lists tracks: it has the columns `file`, `song` and `role` or `track`."""
    if not path.is_file():
        return False
    columns = set(pd.read_csv(path, nrows=0).columns)
    return {"file", "song"} <= columns and bool({"role", "track"} & columns)


def collect_track_manifest(path: Path, index: MetadataCache) -> SongCollector:
    """Songs of a manifest without their splits. ValueError in one line for a faulty one."""
    table = _read(path)
    songs = _read(path.parent / SONGS) if (path.parent / SONGS).is_file() else None
    by_song = {} if songs is None else {row["song"]: row for row in _rows(songs)}
    files = [path.parent / str(file) for file in table["file"]]
    scan = index.scan(files)
    collector = SongCollector(skipped=list(scan.skipped))
    for name, rows in table.groupby("song", sort=False):
        own = _rows(rows)
        labels = {**own[0], **{k: v for k, v in by_song.get(name, {}).items() if v is not None}}
        tracks = tuple(_track(path, row) for row in own)
        missing = [track for track in tracks if track.path not in scan.metadata]
        if missing:
            reason = f"its track {missing[0].name} cannot be read"
            collector.skipped.append(SkippedSong(str(name), reason))
            continue
        artist, licence = labels.get("artist"), labels.get("licence")
        song = TrackFiles(str(name), tracks, artist=artist, licence=licence)
        add_track_song(collector, song, scan.metadata, _recording(labels))
    if not collector.songs:
        first = collector.skipped[0] if collector.skipped else "it has no rows"
        raise ValueError(f"{path}: no usable song: {first}")
    return collector


def _track(path: Path, row: Mapping[str, Any]) -> Track:
    role = ROLE_ALIASES.get(str(row.get("role")), row.get("role"))
    if role is not None and role not in ROLES:
        raise ValueError(f"{path}: {row['file']}: role {role!r} is none of {', '.join(ROLES)}")
    file = Path(row["file"])
    return Track(file.stem, path.parent / file, role or role_from_name(str(row.get("track", ""))))


def _recording(row: Mapping[str, Any]) -> Recording:
    split, fold = row.get("split"), row.get("fold")
    if split not in (None, *SPLITS):
        raise ValueError(f"song {row['song']}: split must be one of {', '.join(SPLITS)}")
    group = row.get("group") or row.get("artist") or row["song"]
    fold = None if fold is None else int(fold)
    return Recording(str(row["song"]), str(row["song"]), str(group), row.get("genre"), split, fold)


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype="object")
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV table ({str(error).strip()})") from error
    required = {"song"} if path.name == SONGS else {"file", "song"}
    if missing := sorted(required - set(table.columns)):
        raise ValueError(f"{path}: needs a column `{missing[0]}`, has {', '.join(table.columns)}")
    return table


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    filled = table.astype(object).where(table.notna(), None)
    return [{str(name): cell for name, cell in row.items()} for row in filled.to_dict("records")]
