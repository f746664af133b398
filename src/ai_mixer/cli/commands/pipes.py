"""`-` as a file name: standard input and output; audio passes through temporary files."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TypeVar

from ai_mixer.utils.unfinished import TEMP_PREFIX, temporary_folder

PIPE = Path("-")
STDIN_NAME, STDOUT_NAME = "stdin.wav", "stdout.wav"

File = TypeVar("File", Path, Path | None)


def is_pipe(path: Path | None) -> bool:
    """Whether a path is `-` or a named pipe, which can be read only once."""
    return path is not None and (path == PIPE or path.is_fifo())


def display_name(path: Path) -> str:
    """Name of a result for the user: `-` for the temporary file of a pipe."""
    is_temporary = path.parent.name.startswith(TEMP_PREFIX) and path.name == STDOUT_NAME
    return str(PIPE if is_temporary else path)


def reject_pipe(option: str, path: Path | None) -> None:
    """ValueError (one line) if `-` is given where only a file name makes sense."""
    if path == PIPE:
        raise ValueError(f"{option} -: only audio can be read or written as -: give a file name")


@contextmanager
def read_pipes(paths: Sequence[File]) -> Iterator[list[File]]:
    """Yield the paths with a temporary file in place of each pipe.

    ValueError (one line) if `-` is given twice or is empty.
    """
    if paths.count(PIPE) > 1:
        raise ValueError("- is given twice: standard input can be read once")
    with temporary_folder() as folder:
        yield [
            _read(path, folder / str(index)) if path and is_pipe(path) else path
            for index, path in enumerate(paths)
        ]


@contextmanager
def write_pipe(output: Path | None) -> Iterator[Path | None]:
    """Yield the path to write: for `-` a temporary file, copied to standard output at the end.

    Lines for the user go to stderr meanwhile. ValueError (one line) if standard output is a
    terminal.
    """
    if output != PIPE:
        yield output
        return
    if sys.stdout.isatty():
        raise ValueError("-o -: standard output is a terminal: add > FILE.wav or | COMMAND")
    with temporary_folder() as folder:
        file = folder / STDOUT_NAME
        with redirect_stdout(sys.stderr):
            yield file
        with file.open("rb") as audio:
            shutil.copyfileobj(audio, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _read(pipe: Path, folder: Path) -> Path:
    """Copy a pipe to a file in a new folder."""
    folder.mkdir()
    file = folder / STDIN_NAME
    with file.open("wb") as copy:
        if pipe == PIPE:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        else:
            with pipe.open("rb") as source:
                shutil.copyfileobj(source, copy)
    if not file.stat().st_size:
        raise ValueError(f"{pipe}: the pipe is empty: the program before it wrote nothing")
    return file
