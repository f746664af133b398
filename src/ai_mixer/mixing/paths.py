"""Paths of results: default names and checks."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from ai_mixer.audio import format_of, same_file
from ai_mixer.audio.formats import FORMATS


def default_output(path: Path, suffix: str = "mixed") -> Path:
    """`song.mp3` → `song_mixed.mp3`; .wav for a format that cannot be written."""
    extension = path.suffix if path.suffix.lower() in FORMATS else ".wav"
    return path.with_name(f"{path.stem}_{suffix}{extension}")


def sidecar_paths(output: Path) -> tuple[Path, Path]:
    """Paths of a result's settings and report, next to it."""
    return output.with_suffix(".json"), output.with_suffix(".html")


def check_output(output: Path, song: Path, force: bool) -> None:
    """Check that a result may be written. OSError (one line) if not.

    The song itself is never overwritten, other files only with `force`.
    """
    format_of(output)
    if same_file(output, song) or output.absolute() == song.absolute():
        raise OSError(errno.EEXIST, "is the song itself: choose another name", str(output))
    check_not_existing([output], force)
    if output.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(output))


def check_not_existing(files: Iterable[Path], force: bool) -> None:
    """FileExistsError (one line) if one of the files exists, unless `force` is set."""
    for file in files:
        if file.exists() and not force:
            raise FileExistsError(errno.EEXIST, "exists: --force overwrites it", str(file))
