"""One song or many: side by side, each with its line, and one bad file does not stop the rest."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from ai_mixer.cli.commands.errors import one_line
from ai_mixer.cli.commands.parsing import say

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import Outcome


class Job(NamedTuple):
    """A song, and where its result goes (None: beside it)."""

    song: Path
    output: Path | None


def mix_all(jobs: Sequence[Job], work: Callable[[Job], "Outcome"], title: str) -> None:
    """Do all jobs and tell about each. Exit code 1 if one failed."""
    from ai_mixer.mixing.descriptions import one_line as told
    from ai_mixer.utils.parallel import over_cores

    def tried(job: Job) -> "Outcome | Exception":
        try:
            return work(job)
        except Exception as error:
            return error

    failed = 0
    for job, done in zip(jobs, over_cores(tried, jobs, title), strict=True):
        if isinstance(done, Exception):
            failed += 1
            typer.echo(f"error: {_named(job.song, one_line(done))}", err=True)
            continue
        say(f"{done.song.name} → {done.output}")
        say(f"  {told(done.before, done.after, done.preset.settings)}")
        for note in done.notes:
            say(f"  note: {note}")
    if len(jobs) > 1:
        say(f"{len(jobs) - failed} of {len(jobs)} songs done")
    if failed:
        raise typer.Exit(1)


def _named(song: Path, text: str) -> str:
    return text if song.name in text else f"{song}: {text}"
