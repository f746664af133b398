"""Training data of the packaged model of several tracks: a manifest of real tracks.

    AI_MIXER_MUSIC=/my/music python benchmarks/track_champion.py /my/champion
    make train task=remix data=tracks data.root=/my/champion data.fold=0/5

The songs of `data=tracks` from whose licences one for the weights can be derived, with the folds of
their manifest: by source. Files stay where they are; the manifest has their paths.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ai_mixer.core.types import Song
from ai_mixer.data.tracks import Tracks
from ai_mixer.inference.weights_licence import derive_licence

FOLDS = 5
COLUMNS = ("file", "song", "role", "group", "genre", "artist", "licence", "fold")


def main() -> None:
    """Write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    rows = list(_real_rows())
    options.folder.mkdir(parents=True, exist_ok=True)
    with (options.folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    print(f"{len({row[1] for row in rows})} songs, {len(rows)} tracks")


def may_be_shared(licence: str) -> bool:
    """Whether a licence of weights can follow from it; not from version 2 of the GPL alone."""
    return licence != "GPL-2" and derive_licence({licence: 1}).identifier is not None


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
