"""`ai-mixer master`: tone, dynamics, width and loudness of a stereo mix."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.album import album_targets, check_album, write_album_page
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
    style: options.Style = None,
    intensity: options.Intensity = None,
    limiter: options.Limiter = None,
    album: Annotated[
        str | None,
        typer.Option(help="Songs of an album: keep their relative levels, or even them. One page."),
    ] = None,
    delivery: Annotated[
        bool,
        typer.Option("--delivery", help="Also 24-bit WAV and MP3 at −14 and −9 LUFS."),
    ] = False,
    daw: options.Daw = False,
    strict: options.Strict = False,
    force: options.Force = False,
) -> None:
    """Master stereo mixes: tone, dynamics, width and loudness, with the mastering console."""
    mix_options = parse_mix_options(amount, only, settings, style, strict, match)
    weights = parse_references(reference, match)
    check_target(target, weights)
    from ai_mixer.mixing.album import PAGE
    from ai_mixer.mixing.audio_mixer import AudioMixer
    from ai_mixer.mixing.master_settings import check_intensity, with_intensity
    from ai_mixer.mixing.paths import check_not_existing
    from ai_mixer.plugin.daw_files import check_daw, write_daw_files

    mix_options = with_intensity(mix_options, intensity)
    check_intensity(intensity, weights, model is not None, style)
    check_album(album, songs, output, target, weights)
    mixer = AudioMixer(model)
    console = mixer.mastering_console()
    mix_options = console.resolve(mix_options)
    console.check(mix_options)  # raises for unknown names before any work
    page = None if album is None else (output or Path(songs[0]).parent) / PAGE
    extra = [page] if page else []
    with plan_jobs(
        songs, output, "mastered", others=[*weights], model=model, extra_outputs=extra
    ) as plan:
        if page:
            check_not_existing([page], force)
        if daw:
            check_daw([job.files for job in plan.jobs], mixer.mastering_console(), False, force)
        targets = album_targets(plan.jobs, album, target)

        def work(job: MixJob) -> "MixResult":
            result = mixer.master(
                job.song,
                job.files,
                reference=plan.references(weights),
                mix_options=mix_options,
                target_lufs=targets[job.song],
                ceiling_db=ceiling,
                intensity=intensity,
                max_reduction_db=limiter,
                delivery_set=delivery,
                force=force,
            )
            return write_daw_files(result) if daw else result

        def finish(results: list["MixResult"]) -> None:
            if page and album:
                write_album_page(results, album, page, force)

        run_mix_jobs(plan.jobs, work, "mastering", finish)
