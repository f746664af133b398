"""FMA: a dump of the Free Music Archive, 106,574 tracks; clips of 30 s, or whole (full).

Defferrard, Benzi, Vandergheynst & Bresson, "FMA: a dataset for music analysis", ISMIR 2017,
arXiv:1612.01840. small ⊂ medium ⊂ large, full = large. The official split keeps artists apart.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ai_mixer.data.collection import Collection

SUBSETS = ("small", "medium", "large", "full")
SPLITS = {"training": "train", "validation": "val", "test": "test"}
# The names in core.types.GENRES; other genres keep their name, and their index is −1.
GENRE_NAMES = {"Hip-Hop": "hip_hop"} | {
    name: name.lower() for name in ("Rock", "Pop", "Electronic", "Jazz", "Classical")
}
# Clips cut after the end of their song: little sound or none (mdeff/fma, issues 8 and 44). All are
# in the small subset; faulty clips of the others are detected only by their headers.
FAULTY_CLIPS = frozenset(("098565", "098567", "098569", "099134", "108925", "133297"))
COLUMNS = {
    ("set", "split"): "split",
    ("set", "subset"): "subset",
    ("track", "genre_top"): "genre",
    ("track", "title"): "title",
    ("track", "license"): "licence",
    ("artist", "id"): "artist_id",
    ("artist", "name"): "artist",
}


class Fma(Collection):
    """Files: `fma_metadata/tracks.csv` and clips `fma_small/000/000002.mp3`, or a larger subset.

    subset: "small", "medium", "large" or "full"; ValueError for others.
    """

    name = "fma"
    layout = "fma_metadata/tracks.csv and a folder fma_small/ (or medium, large, full)"

    def __init__(
        self,
        root: str | Path,
        index: str | Path | None = None,
        subset: Literal["small", "medium", "large", "full"] = "small",
    ) -> None:
        super().__init__(root, index)
        if subset not in SUBSETS:
            raise ValueError(f"data.subset={subset}: must be one of {', '.join(SUBSETS)}")
        self.subset = subset

    def rows(self) -> Sequence[dict[str, Any]]:
        """One row per track of the subset, without the clips that are known to be faulty."""
        table = self.root / "fma_metadata" / "tracks.csv"
        if not table.is_file():
            raise self.layout_error(table)
        audio = self._audio()
        subsets = SUBSETS[: SUBSETS.index(self.subset) + 1]
        rows = []
        for track in (track for track in read_tracks(table) if track["subset"] in subsets):
            name = track["id"].zfill(6)
            file = audio / name[:3] / f"{name}.mp3"
            if name in FAULTY_CLIPS and audio.name != "fma_full":
                self.skip(file, "known as a clip with little sound or none")
            elif track["split"] not in SPLITS:
                self.skip(file, f"split {track['split']} is not one of {', '.join(SPLITS)}")
            else:
                rows.append(_row(file, name, track))
        return rows

    def _audio(self) -> Path:
        """The folder with the clips: that of the subset, or of a larger one."""
        larger = SUBSETS[SUBSETS.index(self.subset) : -1] or SUBSETS[-1:]
        folders = [self.root / f"fma_{subset}" for subset in larger]
        existing = next((folder for folder in folders if folder.is_dir()), None)
        if existing is None:
            raise self.layout_error(folders[0])
        return existing


def read_tracks(table: Path) -> list[dict[str, Any]]:
    """Read `id` and the values of COLUMNS of each track in tracks.csv, as text or None.

    The header has two rows (group, column), and a third one with the name of the index only. Raises
    ValueError for another table.
    """
    with table.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        header = list(zip(next(lines, []), next(lines, []), strict=False))
    missing = [".".join(column) for column in COLUMNS if column not in header]
    if missing:
        raise ValueError(f"{table}: has no column {', '.join(missing)}: is it FMA's tracks.csv?")
    columns = {0: "id"} | {header.index(column): name for column, name in COLUMNS.items()}
    try:
        tracks = pd.read_csv(
            table, header=None, skiprows=2, usecols=list(columns), dtype="object", encoding="utf-8"
        ).rename(columns=columns)
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = str(error).strip()
        raise ValueError(f"{table}: is damaged ({reason}): download it again") from error
    tracks = tracks.where(tracks.notna(), None)
    rows = [{str(name): cell for name, cell in row.items()} for row in tracks.to_dict("records")]
    return [row for row in rows if str(row["id"]).isdigit()]


def _row(file: Path, name: str, track: dict[str, Any]) -> dict[str, Any]:
    genre = track["genre"]
    return {
        "id": name,
        "path": file,
        "song": name,
        "group": track["artist_id"] or name,
        "split": SPLITS[track["split"]],
        "genre": GENRE_NAMES.get(genre, genre),
        "artist": track["artist"],
        "title": track["title"],
        "licence": track["licence"],
    }
