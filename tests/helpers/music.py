"""Real music, for tests marked `music`."""

import csv
import os
from functools import lru_cache
from pathlib import Path

import pytest

from ai_mixer.data.folder import ROOT_VARIABLE, Folder


def finished_songs(count: int) -> list[Path]:
    """Return `count` evenly spaced finished songs of the folder AI_MIXER_MUSIC.

    The songs are those of `data=folder`: of the manifest if there is one, so that tracks and stems,
    which may start with silence, are excluded. Skips the test if the variable is not set.
    """
    if not os.environ.get(ROOT_VARIABLE):
        pytest.skip(f"{ROOT_VARIABLE} is not set")
    files = _song_paths(os.environ[ROOT_VARIABLE])
    return files[:: max(1, len(files) // count)][:count]


@lru_cache
def _song_paths(root: str) -> list[Path]:
    return sorted(song.path for song in Folder(root).songs())


def tracks_manifest() -> list[dict[str, str]]:
    """Rows of the manifest of real multitrack songs; skips the test without them."""
    root = os.environ.get(ROOT_VARIABLE)
    file = Path(root or "") / "tracks" / "manifest.csv"
    if not root or not file.is_file():
        pytest.skip(f"{ROOT_VARIABLE} is not set, or has no tracks/manifest.csv")
    with file.open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))
