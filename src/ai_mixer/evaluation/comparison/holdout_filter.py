"""Filter out songs that one of the compared runs was trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ai_mixer.core.types import Song
from ai_mixer.data.file_digest import song_digests

TRAINING_SPLITS = ("train", "val")  # val: the best epoch is selected on it


class HoldoutSongs(NamedTuple):
    """songs: held out from every run. excluded: song id → names of the runs trained on it.

    runs_without_split: names of the runs whose training songs are unknown.
    """

    songs: list[Song]
    excluded: dict[str, list[str]]
    runs_without_split: list[str]


def filter_holdout_songs(songs: Sequence[Song], runs: Mapping[str, Path]) -> HoldoutSongs:
    """Remove songs that a run's split.csv lists in train or val. runs: name → folder.

    Songs are compared by the digest of their audio, or by id if the run stored no digests.
    ValueError if no song remains.
    """
    digests = dict(zip((song.id for song in songs), song_digests(songs), strict=True))
    excluded: dict[str, list[str]] = {}
    runs_without_split = []
    for name, folder in runs.items():
        trained_on = _training_songs(folder)
        if trained_on is None:
            runs_without_split.append(name)
            continue
        for song in songs:
            key = digests[song.id] if "audio" in trained_on else song.id
            if key in set(trained_on.iloc[:, 0]):
                excluded.setdefault(song.id, []).append(name)
    remaining = [song for song in songs if song.id not in excluded]
    if not remaining:
        first, names = next(iter(excluded.items()))
        raise ValueError(
            f"all {len(songs)} songs were used to train a run (for example {first}, "
            f"by {', '.join(names)}): choose other songs with data=… or split=…"
        )
    return HoldoutSongs(remaining, excluded, runs_without_split)


def _training_songs(folder: Path) -> pd.DataFrame | None:
    """Training songs of a run: one column, `audio` or `song`; None if it has no split.csv."""
    try:
        table = pd.read_csv(folder / "split.csv", dtype=str)
    except (OSError, ValueError):
        return None
    if not {"song", "split"} <= set(table):
        return None
    column = "audio" if "audio" in table else "song"
    return table.loc[table["split"].isin(TRAINING_SPLITS), [column]]
