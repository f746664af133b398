"""Real music, for tests marked `music`."""

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
