"""Paths of results: default names, and the check that no file is lost, before any work."""

import errno
import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from ai_mixer.audio import format_of
from ai_mixer.audio.formats import FORMATS
from ai_mixer.audio.stream_path import container_path
from ai_mixer.utils.atomic_write import exclusive_write

SIDECAR_SUFFIXES = (".json", ".html")  # of settings and report


class ResultFiles(NamedTuple):
    """Files of one result: audio, settings and report; None for one that is not written."""

    audio: Path
    settings: Path | None = None
    report: Path | None = None

    def paths(self) -> list[Path]:
        """All files that are written."""
        return [path for path in self if path is not None]


def default_output(path: Path, suffix: str = "mixed") -> Path:
    """`song.mp3` → `song_mixed.mp3`; .wav for a format that cannot be written."""
    extension = path.suffix if path.suffix.lower() in FORMATS else ".wav"
    return path.with_name(f"{path.stem}_{suffix}{extension}")


def result_files(output: Path, write_sidecars: bool = True) -> ResultFiles:
    """Files of a result; settings and report are next to it."""
    if not write_sidecars:
        return ResultFiles(output)
    return ResultFiles(output, *(output.with_suffix(end) for end in SIDECAR_SUFFIXES))


def distinct_result_files(outputs: Sequence[Path]) -> list[ResultFiles]:
    """Files of several results, all different.

    `take_mixed.wav` twice becomes `take_mixed.wav` and `take_mixed_2.wav`. The settings of
    `take_mixed.wav` and `take_mixed.flac` become `take_mixed.wav.json` and `take_mixed.flac.json`.
    """
    numbered: list[Path] = []
    for output in outputs:
        used, number, candidate = {_file_key(path) for path in numbered}, 1, output
        while _file_key(candidate) in used:
            number += 1
            candidate = output.with_stem(f"{output.stem}_{number}")
        numbered.append(candidate)
    stems = [_file_key(path.with_suffix("")) for path in numbered]
    return [
        result_files(path)
        if stems.count(key) == 1
        else ResultFiles(path, *(path.with_name(path.name + end) for end in SIDECAR_SUFFIXES))
        for path, key in zip(numbered, stems, strict=True)
    ]


def check_result(files: ResultFiles, inputs: Iterable[Path], force: bool) -> None:
    """Check that a result may be written. ValueError or OSError (one line) if not.

    Inputs are never overwritten, other files only with `force`.
    """
    format_of(files.audio)
    check_outputs(files.paths(), inputs)
    check_not_existing(files.paths(), force)


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Check that no output is an input, a folder or a device, and no two outputs are one file.

    Files are compared, not names: links lead to one file, and so do names in upper and lower case
    on a file system where case does not count. Two outputs must differ in more than case on each
    file system. OSError (one line) if not.
    """
    inputs = [container_path(path) for path in inputs]
    seen: set[str] = set()
    for output in outputs:
        for path in inputs:
            if _is_same_file(output, path):
                reason = "is an input of this command: choose another name for the result"
                raise OSError(errno.EEXIST, reason, str(output))
        if (key := _file_key(output)) in seen:
            reason = "two results would have this name: choose another one"
            raise OSError(errno.EEXIST, reason, str(output))
        seen.add(key)
        if output.is_symlink() and not output.exists():
            reason = f"is a link to {output.readlink()}, which does not exist: choose another name"
            raise FileExistsError(errno.EEXIST, reason, str(output))
        if output.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder: choose another name", str(output))
        if output.exists() and not output.is_file():
            raise OSError(errno.EEXIST, "is not a regular file: choose another name", str(output))


def check_not_existing(files: Iterable[Path], force: bool) -> None:
    """FileExistsError (one line) if one of the files exists, unless `force` is set."""
    for file in files:
        if os.path.lexists(file) and not force:
            raise FileExistsError(errno.EEXIST, "exists: --force overwrites it", str(file))


def check_preset_path(path: Path) -> None:
    """ValueError (one line) if settings would be written to a file with the name of a song."""
    if path.suffix.lower() in FORMATS:
        raise ValueError(f"{path}: settings are JSON: name it {path.with_suffix('.json').name}")


def check_songs(songs: Iterable[Path]) -> None:
    """IsADirectoryError (one line) if a song is a folder."""
    for song in songs:
        if song.is_dir():
            reason = f"is a folder: name its files, e.g. {song / '*.wav'}; --tracks: of one song"
            raise IsADirectoryError(errno.EISDIR, reason, str(song))


def model_files(model: str | None) -> list[Path]:
    """Files of a model that is given as a folder: inputs as well."""
    folder = Path(model) if model else None
    return list(folder.iterdir()) if folder and folder.is_dir() else []


@contextmanager
def result_drafts(files: ResultFiles, overwrite: bool) -> Iterator[ResultFiles]:
    """Yield drafts of a result's files, which become the files at the end of the block.

    FileExistsError (one line) if another process writes them, or, without `overwrite`, if one
    exists. The audio file is the first to be renamed: if it exists meanwhile, nothing is written.
    """
    with ExitStack() as stack:
        later = [
            path and stack.enter_context(exclusive_write(path, overwrite)) for path in files[1:]
        ]
        audio = stack.enter_context(exclusive_write(files.audio, overwrite))
        yield ResultFiles(audio, *later)


def _is_same_file(output: Path, path: Path) -> bool:
    """Whether two paths lead to one file, or would if they existed."""
    if output.exists() and path.exists():
        return output.samefile(path)
    return os.path.realpath(output) == os.path.realpath(path)


def _file_key(path: Path) -> str:
    """Key of an output file: the real path, without the differences that some systems ignore."""
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()
