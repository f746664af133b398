"""Process songs in parallel and print a line per song; an error does not stop the others."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ai_mixer.cli.commands.errors import format_error
from ai_mixer.cli.commands.jobs import MixJob
from ai_mixer.cli.commands.parsing import print_error, print_line
from ai_mixer.cli.commands.pipes import display_name

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import MixResult


def run_mix_jobs(
    jobs: Sequence[MixJob],
    work: Callable[[MixJob], "MixResult"],
    title: str,
    finish: Callable[[list["MixResult"]], None] | None = None,
) -> None:
    """Run all jobs and print their results. Exit code 1 if one fails. title: of the bar.

    finish: called with the results at the end.
    """
    from ai_mixer.mixing.descriptions import (
        describe_limiter,
        describe_settings,
        summary_line,
    )
    from ai_mixer.mixing.formatting import with_minus
    from ai_mixer.utils.parallel import parallel_map

    def result_or_error(job: MixJob) -> "MixResult | Exception":
        try:
            return work(job)
        except Exception as error:
            return error

    failed, results = 0, []
    for job, result in zip(jobs, parallel_map(result_or_error, jobs, title), strict=True):
        if isinstance(result, Exception):
            failed += 1
            print_error(_with_file_name(job.song, format_error(result)))
            continue
        results.append(result)
        print_line(f"{result.song.name} → {display_name(result.output)}")
        changes = describe_settings(result.audible, result.preset.console.knobs)
        print_line(f"  {summary_line(result.before, result.after, changes, result.reduction_db)}")
        if result.preset.unusual:
            print_line(f"  wrong: {with_minus('; '.join(result.preset.unusual))}")
        for note in result.notes:
            print_line(f"  {'warning' if note in result.missing else 'note'}: {note}")
        for file in result.files:
            levels = with_minus(f"{file.loudness_lufs:.1f} LUFS, peak {file.true_peak_db:.1f} dBTP")
            print_line(f"  {file.path}: {levels}{describe_limiter(file.reduction_db)}")
            if file.note:
                print_line(f"    note: {file.note}")
    if finish and results:
        finish(results)
    if len(jobs) > 1:
        print_line(f"{len(jobs) - failed} of {len(jobs)} songs done")
    if failed:
        raise typer.Exit(1)


def _with_file_name(song: Path, text: str) -> str:
    return text if song.name in text else f"{song}: {text}"
