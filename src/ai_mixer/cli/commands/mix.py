"""`ai-mixer mix`: mix songs with a model or a preset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.batch import run_mix_jobs
from ai_mixer.cli.commands.jobs import MixJob, plan_jobs
from ai_mixer.cli.commands.mix_tracks import is_song_archive, run_mix_tracks
from ai_mixer.cli.commands.parsing import (
    parse_mix_options,
    parse_references,
    reject_with_preset,
)
from ai_mixer.cli.commands.pipes import reject_pipe
from ai_mixer.mixing.loudness_target import check_target

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_result import MixResult


def mix(
    songs: options.Songs,
    output: options.Output = None,
    model: options.Model = None,
    reference: options.Reference = [],  # noqa: B006
    match: options.Match = None,
    amount: options.Amount = [],  # noqa: B006
    only: options.Only = None,
    settings: options.Set = [],  # noqa: B006
    style: options.Style = None,
    intensity: options.Intensity = None,
    target: options.Target = None,
    ceiling: options.OptionalCeiling = None,
    limiter: options.Limiter = None,
    preset: Annotated[
        Path | None,
        typer.Option(help="Settings of an earlier mix (.json), or a preset of a plug-in."),
    ] = None,
    save_preset: Annotated[
        Path | None, typer.Option(help="Additional file for the settings.")
    ] = None,
    adaptive: Annotated[
        bool, typer.Option("--adaptive", help="Predict settings for each section of the song.")
    ] = False,
    tracks: Annotated[
        bool,
        typer.Option(
            "--tracks", help="The files, or those of a folder or zip file, are tracks of one song."
        ),
    ] = False,
    role: options.Role = [],  # noqa: B006
    lead: options.Lead = [],  # noqa: B006
    pan: options.TrackPan = [],  # noqa: B006
    mute: options.Mute = [],  # noqa: B006
    start: options.TrackStart = [],  # noqa: B006
    stems: options.Stems = None,
    daw: options.Daw = False,
    strict: options.Strict = False,
    force: options.Force = False,
) -> None:
    """Mix songs: a model sets the knobs, and options change the settings."""
    of_tracks = {
        **{"--role": role, "--lead": lead, "--pan": pan, "--mute": mute},
        **{"--start": start, "--stems": stems},
    }
    if tracks or is_song_archive(songs):
        of_one_file = {
            **{"--match": match, "--style": style, "--preset": preset},
            **{"--save-preset": save_preset, "--adaptive": adaptive},
            **{"--intensity": intensity, "--limiter": limiter},
        }
        knobs = parse_mix_options(amount, only, settings, None, strict)
        files = [Path(str(one.name)) for one in reference]
        level = -1.0 if ceiling is None else ceiling
        options_of_tracks = (knobs, role, lead, pan, mute, start, stems, target, level, strict)
        run_mix_tracks(
            songs, output, model, files, *options_of_tracks, force, daw, refused=of_one_file
        )
        return
    for name, value in of_tracks.items():
        if value:
            raise ValueError(f"{name} needs --tracks: the files are then tracks of one song")
    mix_options = parse_mix_options(amount, only, settings, style, strict, match)
    if intensity and not style:
        raise ValueError(f"--intensity {intensity}: of a --style; a mix has --amount")
    weights = parse_references(reference, match)
    check_target(target, weights)
    target_lufs = None if target == "none" else target
    reject_pipe("--preset", preset)
    reject_pipe("--save-preset", save_preset)
    from ai_mixer.mixing import preset as presets
    from ai_mixer.mixing.apply_options import with_options
    from ai_mixer.mixing.audio_mixer import AudioMixer
    from ai_mixer.mixing.master_settings import with_intensity
    from ai_mixer.mixing.mix_console import console_of
    from ai_mixer.mixing.model_lookup import resolve_model
    from ai_mixer.mixing.paths import check_not_existing, check_preset_path
    from ai_mixer.plugin.daw_files import check_daw, load_any_preset, write_daw_files

    if preset:
        reject_with_preset(
            {"--model": model, "--reference": reference, "--match": match, "--style": style}
            | {"--adaptive": adaptive, "--intensity": intensity}
        )
    loaded = load_any_preset(preset) if preset else None
    if save_preset:
        if len(songs) > 1:
            raise ValueError(f"--save-preset is for one song, got {len(songs)} songs")
        check_preset_path(save_preset)
        check_not_existing([save_preset], force)
    # Loads the model once, and raises for unknown names before any work.
    console = loaded.console if loaded else console_of(resolve_model(model, not weights)[1])
    mix_options = console.resolve(mix_options)
    mix_options = with_intensity(mix_options, intensity)
    console.check(mix_options)
    if loaded:
        loaded = with_options(loaded, mix_options, target, ceiling, limiter)
    extra = [save_preset] if save_preset else []
    with plan_jobs(
        songs, output, "mixed", others=[*weights, preset], model=model, extra_outputs=extra
    ) as plan:
        if daw:
            check_daw([job.files for job in plan.jobs], console, adaptive, force)

        def work(job: MixJob) -> "MixResult":
            result = AudioMixer(model).mix_file(
                job.song,
                job.files,
                reference=plan.references(weights),
                preset=loaded,
                mix_options=mix_options,
                target_lufs=target_lufs,
                ceiling_db=ceiling,
                max_reduction_db=limiter,
                adaptive=adaptive,
                force=force,
            )
            if save_preset:
                presets.save_preset(result.preset, save_preset, overwrite=force)
            return write_daw_files(result) if daw else result

        run_mix_jobs(plan.jobs, work, "mixing")
