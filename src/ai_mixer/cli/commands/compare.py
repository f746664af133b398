"""`ai-mixer compare`: mix one song with several models."""

from pathlib import Path
from typing import Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.parsing import parse_mix_options, print_line
from ai_mixer.cli.commands.pipes import is_pipe, read_pipes, reject_pipe


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
    reject_pipe("-o", output)
    from ai_mixer.mixing.audio_mixer import AudioMixer
    from ai_mixer.mixing.compare import compare as compare_models
    from ai_mixer.mixing.mix_console import console_of
    from ai_mixer.mixing.model_lookup import resolve_model
    from ai_mixer.utils.progress import progress_bar

    mixer = AudioMixer()
    models = list(dict.fromkeys(model)) or mixer.models
    for name in models:  # raises for unknown names before any work
        console_of(resolve_model(name)[1]).check(mix_options)
    if is_pipe(song) and output is None:
        output = Path("stdin_compared")
    with read_pipes([song]) as (path,):
        folder = compare_models(
            mixer.mix_file,
            path,
            models,
            output,
            mix_options=mix_options,
            force=force,
            progress=progress_bar,
        )
    for file in sorted(folder.iterdir()):
        print_line(str(file))
