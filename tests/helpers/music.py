"""Real music, for tests marked `music`."""

import os
from functools import lru_cache
from pathlib import Path

import pytest

from ai_mixer.data.folder import ROOT_VARIABLE, Folder


def finished_songs(count: int) -> list[Path]:
    """Finished songs of the collection that AI_MIXER_MUSIC names, `count` of them, spread evenly.

    They are those that `data=folder` finds: by the collection's manifest, where it has one. So
    tracks and stems, which may begin with silence, are not among them. Skips without the variable.
    """
    if not os.environ.get(ROOT_VARIABLE):
        pytest.skip(f"{ROOT_VARIABLE} names no folder of music")
    files = _all_of(os.environ[ROOT_VARIABLE])
    return files[:: max(1, len(files) // count)][:count]


@lru_cache
def _all_of(root: str) -> list[Path]:
    return sorted(song.path for song in Folder(root).songs())
