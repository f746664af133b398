"""`ai-mixer mix`: songs as a model (or a preset) would mix them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.batch import MixJob, run_mix_jobs
from ai_mixer.cli.commands.parsing import output_paths, parse_mix_options, parse_target

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import MixResult


def mix(
    songs: options.Songs,
    output: options.Output = None,
    model: options.Model = None,
    reference: Annotated[
        Path | None, typer.Option(help="A song that yours is to sound like.")
    ] = None,
    amount: options.Amount = [],  # noqa: B006
    only: options.Only = None,
    settings: options.Set = [],  # noqa: B006
    style: options.Style = None,
    target: Annotated[
        str | None,
        typer.Option(help="Loudness: none (as it came), streaming, broadcast, mastering or LUFS."),
    ] = None,
    ceiling: options.Ceiling = -1.0,
    preset: Annotated[Path | None, typer.Option(help="Settings of an earlier mix (.json).")] = None,
    save_preset: Annotated[Path | None, typer.Option(help="Write the settings there, too.")] = None,
    adaptive: Annotated[
        bool, typer.Option("--adaptive", help="Settings that follow the song's sections.")
    ] = False,
    force: options.Force = False,
) -> None:
    """Mix songs: a model listens and sets the knobs; you may ask for less, more or other."""
    mix_options, loudness = parse_mix_options(amount, only, settings, style), parse_target(target)
    places = output_paths(songs, output, "mixed")
    from ai_mixer.mixing import preset as presets
    from ai_mixer.mixing.audio_mixer import AudioMixer
    from ai_mixer.mixing.model_lookup import resolve_model
    from ai_mixer.mixing.render import check_not_existing

    given = presets.load_preset(preset) if preset else None
    if save_preset:
        if len(songs) > 1:
            raise ValueError("--save-preset keeps the settings of one song: mix one")
        check_not_existing([save_preset], force)
    if given is None:
        resolve_model(model)  # once, and a wrong name is said before anything else

    def work(job: MixJob) -> "MixResult":
        result = AudioMixer(model).mix_file(
            job.song,
            job.output,
            reference=reference,
            preset=given,
            mix_options=mix_options,
            target=loudness,
            ceiling_db=ceiling,
            adaptive=adaptive,
            force=force,
        )
        if save_preset:
            presets.save_preset(result.preset, save_preset)
        return result

    jobs = [MixJob(song, place) for song, place in zip(songs, places, strict=True)]
    run_mix_jobs(jobs, work, "mixing")
