"""Held-out songs of a run: the listening samples that it has written."""

import shutil
from pathlib import Path
from typing import NamedTuple

from ai_mixer.app.library import REFERENCE, SOURCE, Library
from ai_mixer.config.stage_command import stage_command

ROUGH, FINISHED = "_rough.flac", "_finished.flac"


class RunSong(NamedTuple):
    """A song of a run: its rough version, and the finished one as the reference."""

    name: str
    rough: Path
    finished: Path


def listening_songs(folder: Path, run: str) -> list[RunSong]:
    """Samples in the folder `listening` of a run. FileNotFoundError (one line) without any."""
    songs = []
    for rough in sorted(folder.glob(f"*{ROUGH}")):
        name = rough.name.removesuffix(ROUGH)
        finished = rough.with_name(name + FINISHED)
        if finished.is_file():
            songs.append(RunSong(f"{name} ({run})", rough, finished))
    if not songs:
        command = stage_command("render", [run])
        raise FileNotFoundError(f"{folder}: no listening samples: `{command}` writes them")
    return songs


def add_songs(library: Library, songs: list[RunSong]) -> list[tuple[str, str]]:
    """Copy songs to the library unless they are there; (id, which) of files to import."""
    known, added = {facts["name"] for facts in library.list_songs()}, []
    for song in songs:
        if song.name in known:
            continue
        identifier = library.create(song.name)["id"]
        for kind, file in ((SOURCE, song.rough), (REFERENCE, song.finished)):
            folder = library.folder(identifier) / kind
            folder.mkdir()
            shutil.copy(file, folder / file.name)
            added.append((identifier, kind))
    return added
