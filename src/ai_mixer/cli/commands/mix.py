"""`ai-mixer mix`: songs as a model (or a preset) would mix them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.batch import Job, mix_all
from ai_mixer.cli.commands.parsing import outputs, target_from, wishes_from

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import Outcome


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
    wishes, loudness = wishes_from(amount, only, settings, style), target_from(target)
    places = outputs(songs, output, "mixed")
    from ai_mixer.mixing import preset as presets
    from ai_mixer.mixing.audio_mixer import AudioMixer
    from ai_mixer.mixing.model_lookup import chosen
    from ai_mixer.mixing.render import check_free

    given = presets.load(preset) if preset else None
    if save_preset:
        if len(songs) > 1:
            raise ValueError("--save-preset keeps the settings of one song: mix one")
        check_free([save_preset], force)
    if given is None:
        chosen(model)  # once, and a wrong name is said before anything else

    def work(job: Job) -> "Outcome":
        outcome = AudioMixer(model).mix_file(
            job.song,
            job.output,
            reference=reference,
            preset=given,
            wishes=wishes,
            target=loudness,
            ceiling_db=ceiling,
            adaptive=adaptive,
            force=force,
        )
        if save_preset:
            presets.save(outcome.preset, save_preset)
        return outcome

    jobs = [Job(song, place) for song, place in zip(songs, places, strict=True)]
    mix_all(jobs, work, "mixing")
