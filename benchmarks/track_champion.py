"""Training data of the packaged model of several tracks: one manifest of band and real tracks.

    AI_MIXER_MUSIC=/my/music python benchmarks/track_champion.py /my/champion
    make train task=remix data=tracks data.root=/my/champion data.fold=0/5

The songs of the embedded band, and those of `data=tracks` from whose licences one for the weights
can be derived, with the folds of their manifests: by composer and by source. Files stay where they
are; the manifest has their paths.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ai_mixer.core.types import Song
from ai_mixer.data.band import Band
from ai_mixer.data.tracks import Tracks
from ai_mixer.inference.weights_licence import derive_licence

FOLDS = 5
BAND_LICENCE = "CC0-1.0"  # its music is generated
COLUMNS = ("file", "song", "role", "group", "genre", "artist", "licence", "fold")


def main() -> None:
    """Write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--band", type=Path, default=Path("data/band"), help="folder of the band")
    options = parser.parse_args()
    rows = [*_band_rows(options.band), *_real_rows()]
    options.folder.mkdir(parents=True, exist_ok=True)
    with (options.folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    print(f"{len({row[1] for row in rows})} songs, {len(rows)} tracks")


def may_be_shared(licence: str) -> bool:
    """Whether a licence of weights can follow from it; not from version 2 of the GPL alone."""
    return licence != "GPL-2" and derive_licence({licence: 1}).identifier is not None


def _band_rows(root: Path) -> Iterator[tuple[object, ...]]:
    for fold in range(FOLDS):
        for song in Band(root, fold=fold).track_songs():
            if song.split == "test":
                yield from _rows(song, fold, "", BAND_LICENCE)


def _real_rows() -> Iterator[tuple[object, ...]]:
    listed = pd.read_csv(Tracks().root / "songs.csv").set_index("song")
    for fold in range(FOLDS):
        for song in Tracks(fold=fold, roles_from_sound=False).track_songs():
            licence = listed["licence"][song.id]
            if song.split == "test" and may_be_shared(licence):
                yield from _rows(song, fold, listed["artist"][song.id], licence)


def _rows(song: Song, fold: int, artist: str, licence: str) -> Iterator[tuple[object, ...]]:
    for track in song.tracks:
        labels = (song.id, track.role or "", song.group, song.genre or "", artist, licence, fold)
        yield str(track.path.resolve()), *labels


if __name__ == "__main__":
    main()
