"""Which songs may be used to compare runs: none that one of them has learned from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ai_mixer.core.types import Song
from ai_mixer.data.file_digest import song_digests

TRAINING_SPLITS = ("train", "val")  # the best epoch is chosen on the second


class HoldoutSongs(NamedTuple):
    """songs: no run learned from them. seen: song id → runs that did. unknown: runs not saying."""

    songs: list[Song]
    excluded: dict[str, list[str]]
    runs_without_split: list[str]


def filter_holdout_songs(songs: Sequence[Song], runs: Mapping[str, Path]) -> HoldoutSongs:
    """Sort out the songs that a run's split.csv has in train or val. runs: name → its folder.

    The same song is the same audio (its fingerprint); of runs that wrote none down, the same id.
    ValueError if no song is left.
    """
    prints = dict(zip((song.id for song in songs), song_digests(songs), strict=True))
    excluded: dict[str, list[str]] = {}
    runs_without_split = []
    for name, folder in runs.items():
        known = _training_songs(folder)
        if known is None:
            runs_without_split.append(name)
            continue
        for song in songs:
            if (prints[song.id] if "audio" in known else song.id) in set(known.iloc[:, 0]):
                excluded.setdefault(song.id, []).append(name)
    left = [song for song in songs if song.id not in excluded]
    if not left:
        first, who = next(iter(excluded.items()))
        raise ValueError(
            f"all {len(songs)} songs were in the training of a run (the first: {first}, "
            f"of {', '.join(who)}): choose others with data=… or another split"
        )
    return HoldoutSongs(left, excluded, runs_without_split)


def _training_songs(folder: Path) -> pd.DataFrame | None:
    """What a run learned from: one column, `audio` or `song`; None if it does not say."""
    try:
        table = pd.read_csv(folder / "split.csv", dtype=str)
    except (OSError, ValueError):
        return None
    if not {"song", "split"} <= set(table):
        return None
    return table.loc[
        table["split"].isin(TRAINING_SPLITS), ["audio" if "audio" in table else "song"]
    ]
