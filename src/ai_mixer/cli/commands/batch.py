"""One song or many: side by side, each with its line, and one bad file does not stop the rest."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from ai_mixer.cli.commands.errors import format_error
from ai_mixer.cli.commands.parsing import print_line

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import MixResult


class MixJob(NamedTuple):
    """A song, and where its result goes (None: beside it)."""

    song: Path
    output: Path | None


def run_mix_jobs(jobs: Sequence[MixJob], work: Callable[[MixJob], "MixResult"], title: str) -> None:
    """Do all jobs and tell about each. Exit code 1 if one failed."""
    from ai_mixer.mixing.descriptions import summary_line as told
    from ai_mixer.utils.parallel import parallel_map

    def tried(job: MixJob) -> "MixResult | Exception":
        try:
            return work(job)
        except Exception as error:
            return error

    failed = 0
    for job, done in zip(jobs, parallel_map(tried, jobs, title), strict=True):
        if isinstance(done, Exception):
            failed += 1
            typer.echo(f"error: {_with_file_name(job.song, format_error(done))}", err=True)
            continue
        print_line(f"{done.song.name} → {done.output}")
        print_line(f"  {told(done.before, done.after, done.preset.settings)}")
        for note in done.notes:
            print_line(f"  note: {note}")
    if len(jobs) > 1:
        print_line(f"{len(jobs) - failed} of {len(jobs)} songs done")
    if failed:
        raise typer.Exit(1)


def _with_file_name(song: Path, text: str) -> str:
    return text if song.name in text else f"{song}: {text}"
