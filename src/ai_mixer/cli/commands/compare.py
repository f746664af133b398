"""`ai-mixer compare`: mix one song with several models."""

from pathlib import Path
from typing import Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.parsing import parse_mix_options, print_line


def compare(
    song: options.Song,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the results.")
    ] = None,
    model: Annotated[list[str], typer.Option(help="Model to compare; may be repeated.")] = [],  # noqa: B006
    amount: options.Amount = [],  # noqa: B006
    only: options.Only = None,
    strict: options.Strict = False,
    force: options.Force = False,
) -> None:
    """Mix a song with every model and compare: audio files, a plot and a table."""
    mix_options = parse_mix_options(amount, only, [], None, strict)
    from ai_mixer.mixing.audio_mixer import AudioMixer
    from ai_mixer.mixing.compare import compare as compare_models
    from ai_mixer.utils.progress import progress_bar

    mixer = AudioMixer()
    models = model or mixer.models
    folder = compare_models(
        mixer.mix_file,
        song,
        models,
        output,
        mix_options=mix_options,
        force=force,
        progress=progress_bar,
    )
    for file in sorted(folder.iterdir()):
        print_line(str(file))
