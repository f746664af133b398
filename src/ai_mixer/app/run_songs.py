"""Held-out songs of a run: the listening samples that it has written."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from ai_mixer.app.library import REFERENCE, SOURCE, Library
from ai_mixer.config.stage_command import stage_command
from ai_mixer.listening.flac import TRACKS

ROUGH, FINISHED = "_rough.flac", "_finished.flac"


class RunSong(NamedTuple):
    """A song of a run: its rough version, and the finished one as the reference.

    tracks: of a run of several tracks, which the page mixes instead of the rough version.
    """

    name: str
    rough: Path
    finished: Path
    tracks: tuple[Path, ...] = ()


class SongImport(NamedTuple):
    """A job that imports files of a song."""

    song: str
    kind: str
    arguments: dict[str, Any]


def listening_songs(folder: Path, run: str) -> list[RunSong]:
    """Samples in the folder `listening` of a run. FileNotFoundError (one line) without any."""
    songs = []
    for rough in sorted(folder.glob(f"*{ROUGH}")):
        name = rough.name.removesuffix(ROUGH)
        finished = rough.with_name(name + FINISHED)
        tracks = tuple(sorted((folder / f"{name}{TRACKS}").glob("*.flac")))
        if finished.is_file():
            songs.append(RunSong(f"{name} ({run})", rough, finished, tracks))
    if not songs:
        command = stage_command("render", [run])
        raise FileNotFoundError(f"{folder}: no listening samples: `{command}` writes them")
    return songs


def add_songs(library: Library, songs: list[RunSong]) -> list[SongImport]:
    """Copy songs to the library unless they are there; the jobs that import them."""
    known, jobs = {facts["name"] for facts in library.list_songs()}, []
    for song in songs:
        if song.name in known:
            continue
        identifier = library.create(song.name, **({"tracks": []} if song.tracks else {}))["id"]
        folder = library.folder(identifier)
        for kind, files in ((SOURCE, song.tracks or (song.rough,)), (REFERENCE, (song.finished,))):
            (folder / kind).mkdir()
            for file in files:
                shutil.copy(file, folder / kind / file.name)
        kind = "import tracks" if song.tracks else "import"
        jobs += [
            SongImport(identifier, kind, {} if song.tracks else {"which": SOURCE}),
            SongImport(identifier, "import", {"which": REFERENCE}),
        ]
    return jobs
