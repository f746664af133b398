"""`ai-mixer match`: estimate the settings between a rough mix and its finished version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.batch import run_mix_jobs
from ai_mixer.cli.commands.jobs import MixJob, plan_jobs
from ai_mixer.cli.commands.parsing import parse_mix_options

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import MixResult


def match(
    rough: Annotated[Path, typer.Argument(help="The rough mix.")],
    finished: Annotated[Path, typer.Argument(help="The finished version of the same recording.")],
    output: options.Output = None,
    model: options.Model = None,
    console: options.Console = None,
    amount: options.Amount = [],  # noqa: B006
    only: options.Only = None,
    settings: options.Set = [],  # noqa: B006
    ceiling: options.Ceiling = -1.0,
    limiter: options.Limiter = None,
    strict: options.Strict = False,
    force: options.Force = False,
) -> None:
    """Estimate the settings between two versions of a song and apply them to the first."""
    mix_options = parse_mix_options(amount, only, settings, None, strict)
    from ai_mixer.mixing.audio_mixer import AudioMixer
    from ai_mixer.mixing.match import match as match_files
    from ai_mixer.mixing.mix_console import named_console

    if console is not None and model:
        raise ValueError(f"--console {console}: a model has its own console, leave one of them out")
    chosen = named_console(console) if console is not None else AudioMixer(model).console()
    mix_options = chosen.resolve(mix_options)
    chosen.check(mix_options)  # raises for unknown names before any work
    with plan_jobs([rough], output, "matched", others=[finished], model=model) as plan:

        def work(job: MixJob) -> "MixResult":
            return match_files(
                AudioMixer(model),
                job.song,
                plan.others[0] or finished,
                job.files,
                mix_options=mix_options,
                ceiling_db=ceiling,
                max_reduction_db=limiter,
                console_name=console,
                force=force,
            )

        run_mix_jobs(plan.jobs, work, "matching")
