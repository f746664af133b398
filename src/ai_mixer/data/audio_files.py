"""Audio files in trees of folders, and what else is in them."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.open_audio import SUFFIXES
from ai_mixer.core.types import SkippedSong

# What usually accompanies music: pictures, texts, playlists, tables, files of file managers.
COMPANION_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg", ".pdf"),
        *(".txt", ".md", ".rtf", ".nfo", ".log", ".lrc", ".html", ".htm", ".url", ".torrent"),
        *(".cue", ".m3u", ".m3u8", ".pls", ".sfv", ".md5", ".sha256", ".accurip"),
        *(".csv", ".tsv", ".json", ".yaml", ".yml", ".xml", ".db", ".sqlite", ".ini", ".lnk"),
    )
)


class FoundFiles(NamedTuple):
    """audio: sorted. skipped: files and folders that are not read. companions: count by suffix."""

    audio: list[Path]
    skipped: list[SkippedSong]
    companions: Counter[str]


def find_audio_files(trees: Sequence[Path]) -> FoundFiles:
    """Find all files of the trees by their suffix; hidden files and folders are ignored.

    Links to folders are followed, but no folder is read twice: neither a link to a folder that is
    in a tree anyway, nor a link to a folder that contains the tree.
    """
    found = FoundFiles([], [], Counter())
    for file in _files(trees, found.skipped):
        suffix = file.suffix.lower()
        if suffix in SUFFIXES:
            found.audio.append(file)
        elif suffix in COMPANION_SUFFIXES:
            found.companions[suffix] += 1
        else:
            found.skipped.append(_skip(file, _reason(file)))
    found.audio.sort()
    return found


def _files(trees: Sequence[Path], skipped: list[SkippedSong]) -> Iterator[Path]:
    def on_error(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            skipped.append(_skip(Path(error.filename), str(error.strerror)))

    visited: set[str] = set()
    pending = list(trees)  # links to folders are appended: the folders themselves come first
    for tree in pending:
        for folder, folders, names in os.walk(tree, onerror=on_error):
            place = os.path.realpath(folder)
            if place in visited:
                folders.clear()
                continue
            visited.add(place)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            links = [Path(folder, name) for name in folders if Path(folder, name).is_symlink()]
            folders[:] = [name for name in folders if Path(folder, name) not in links]
            for link in links:
                if any(one.resolve().is_relative_to(link.resolve()) for one in trees):
                    skipped.append(_skip(link, "is a link to a folder that contains it"))
                else:
                    pending.append(link)
            yield from (Path(folder, name) for name in names if not name.startswith("."))


def _skip(path: Path, reason: str) -> SkippedSong:
    return SkippedSong(SongError(path, reason).file, reason)


def _reason(file: Path) -> str:
    if file.is_symlink() and not file.exists():
        return "is a link to what is not there"
    return f"{file.suffix.lower()} is not read" if file.suffix else "has no file extension"
