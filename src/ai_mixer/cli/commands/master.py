"""`ai-mixer master`: tone, dynamics, width and loudness of a stereo mix."""

from typing import TYPE_CHECKING

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.batch import run_mix_jobs
from ai_mixer.cli.commands.jobs import MixJob, plan_jobs
from ai_mixer.cli.commands.parsing import parse_mix_options, parse_references
from ai_mixer.mixing.loudness_target import check_target

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import MixResult


def master(
    songs: options.Songs,
    output: options.Output = None,
    reference: options.Reference = [],  # noqa: B006
    match: options.Match = None,
    model: options.Model = None,
    amount: options.Amount = [],  # noqa: B006
    only: options.Only = None,
    settings: options.Set = [],  # noqa: B006
    target: options.Target = None,
    ceiling: options.Ceiling = -1.0,
    strict: options.Strict = False,
    force: options.Force = False,
) -> None:
    """Master stereo mixes: tone, dynamics, width and loudness, with the mastering console."""
    mix_options = parse_mix_options(amount, only, settings, None, strict, match)
    weights = parse_references(reference, match)
    check_target(target, weights)
    from ai_mixer.mixing.audio_mixer import AudioMixer

    mixer = AudioMixer(model)
    mixer.mastering_console().check(mix_options)  # raises for unknown names before any work
    with plan_jobs(songs, output, "mastered", others=[*weights], model=model) as plan:

        def work(job: MixJob) -> "MixResult":
            return mixer.master(
                job.song,
                job.files,
                reference=plan.references(weights),
                mix_options=mix_options,
                target_lufs=target,
                ceiling_db=ceiling,
                force=force,
            )

        run_mix_jobs(plan.jobs, work, "mastering")
