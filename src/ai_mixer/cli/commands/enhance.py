"""`ai-mixer enhance`: subtle enhancement without a model."""

from typing import TYPE_CHECKING

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.batch import run_mix_jobs
from ai_mixer.cli.commands.jobs import MixJob, plan_jobs
from ai_mixer.cli.commands.parsing import parse_mix_options

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import MixResult


def enhance(
    songs: options.Songs,
    output: options.Output = None,
    amount: options.Amount = [],  # noqa: B006
    only: options.Only = None,
    settings: options.Set = [],  # noqa: B006
    ceiling: options.Ceiling = -1.0,
    limiter: options.Limiter = None,
    strict: options.Strict = False,
    force: options.Force = False,
) -> None:
    """Enhance finished songs without a model: spectral balance and crest; the level is kept."""
    mix_options = parse_mix_options(amount, only, settings, None, strict)
    from ai_mixer.mixing.enhance import enhance as enhance_file
    from ai_mixer.mixing.mix_console import default_console

    mix_options = default_console().resolve(mix_options)
    default_console().check(mix_options)  # before any work

    def work(job: MixJob) -> "MixResult":
        return enhance_file(
            job.song,
            job.files,
            mix_options=mix_options,
            ceiling_db=ceiling,
            max_reduction_db=limiter,
            force=force,
        )

    with plan_jobs(songs, output, "enhanced") as plan:
        run_mix_jobs(plan.jobs, work, "enhancing")
