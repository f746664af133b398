"""Plan which files a command reads and writes, and check that none is lost, before any work."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ai_mixer.cli.commands.pipes import PIPE, is_pipe, read_pipes, write_pipe
from ai_mixer.utils.log import logger

if TYPE_CHECKING:
    from ai_mixer.mixing.paths import ResultFiles

MAX_SETTINGS_BYTES = 1 << 20
FILE_EXTENSION = re.compile(r"\.[a-z][a-z0-9]{1,4}", re.IGNORECASE)  # "Album v1.2" has none


class MixJob(NamedTuple):
    """A song and the files of its result."""

    song: Path
    files: "ResultFiles"


class MixPlan(NamedTuple):
    """Jobs of a command; others: further inputs, each pipe replaced by a temporary file."""

    jobs: list[MixJob]
    others: list[Path | None]

    def references(self, weights: Mapping[Path, float]) -> dict[Path, float]:
        """References with weights, which are the first of the others."""
        files = [path for path in self.others[: len(weights)] if path is not None]
        return dict(zip(files, weights.values(), strict=True))


@contextmanager
def plan_jobs(
    songs: Sequence[Path],
    output: Path | None,
    suffix: str,
    *,
    others: Sequence[Path | None] = (),
    model: str | None = None,
    extra_outputs: Sequence[Path] = (),
) -> Iterator[MixPlan]:
    """Yield a job per song, after the check that no file of the whole command would be lost.

    output: the file of one song, or a folder; `-` is standard output, the default for a song from a
    pipe. suffix: of default names. others, model: further inputs. extra_outputs: further files to
    be written. ValueError or OSError (one line).
    """
    from ai_mixer.mixing.paths import check_outputs, check_songs, model_files

    if any(map(is_pipe, songs)) and output is None:
        if len(songs) > 1:
            raise ValueError("-: name a folder for the results of several songs with -o")
        output = PIPE
    if output == PIPE and len(songs) > 1:
        raise ValueError(f"-o -: standard output takes one song, got {len(songs)}")
    check_songs(songs)
    songs = _without_results(songs)
    given = [*_without_duplicates(songs), *others]
    with read_pipes(given) as paths, write_pipe(output) as output_path:
        inputs, count = [path for path in paths if path], len(given) - len(others)
        files = _result_files(inputs[:count], output_path, suffix, to_pipe=output == PIPE)
        written = [path for result in files for path in result.paths()]
        check_outputs([*written, *extra_outputs], [*inputs, *model_files(model)])
        jobs = [MixJob(song, result) for song, result in zip(inputs, files, strict=False)]
        yield MixPlan(jobs, paths[count:])


def is_folder(output: Path) -> bool:
    """Whether `-o` is a folder: an existing one, or a name without a file extension.

    >>> is_folder(Path("Album v1.2")), is_folder(Path("song.m4a"))
    (True, False)
    """
    return output.is_dir() or not FILE_EXTENSION.fullmatch(output.suffix)


def _result_files(
    songs: Sequence[Path], output: Path | None, suffix: str, *, to_pipe: bool
) -> list["ResultFiles"]:
    from ai_mixer.mixing.paths import default_output, distinct_result_files, result_files

    outputs = [default_output(song, suffix) for song in songs]
    if output is not None and is_folder(output):
        outputs = [output / path.name for path in outputs]
    elif output is not None and len(songs) > 1:
        raise ValueError(f"-o {output}: {len(songs)} songs need a folder, not a file")
    elif output is not None:
        return [result_files(output, write_sidecars=not to_pipe)]
    return distinct_result_files(outputs)


def _without_results(songs: Sequence[Path]) -> list[Path]:
    """Songs without the results of others among them, as `*.wav` finds them the second time."""
    if len(songs) < 2:
        return list(songs)
    names = {song.name for song in songs}
    kept = []
    for song in songs:
        source = _source_of(song)
        if source in names - {song.name}:
            logger.warning("%s is a result of %s: it is skipped", song, source)
        else:
            kept.append(song)
    return kept


def _source_of(song: Path) -> str | None:
    """Name of the song that a result was made of, from the settings next to it."""
    for settings in (song.with_suffix(".json"), song.with_name(song.name + ".json")):
        try:
            data = json.loads(settings.read_bytes()[:MAX_SETTINGS_BYTES])
        except (OSError, ValueError):
            continue
        if isinstance(data, dict) and str(data.get("made_by", "")).startswith("ai_mixer"):
            source = data.get("song")
            return source if isinstance(source, str) else None
    return None


def _without_duplicates(songs: Sequence[Path]) -> list[Path]:
    unique: dict[str, Path] = {}
    for song in songs:
        key = str(Path(os.path.realpath(song.parent)) / song.name)
        if song == PIPE:
            key = str(len(unique))  # `read_pipes` reports a second one
        elif key in unique:
            logger.warning("%s is given twice: it is processed once", song)
        unique.setdefault(key, song)
    return list(unique.values())
