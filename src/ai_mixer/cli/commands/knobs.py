"""`ai-mixer knobs`: an HTML page with audio demos of the knobs."""

from pathlib import Path
from typing import Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.parsing import print_line
from ai_mixer.cli.commands.pipes import is_pipe, read_pipes, reject_pipe
from ai_mixer.utils.log import logger


def knobs(
    song: Annotated[
        Path | None, typer.Argument(help="Audio file; by default a synthesised demo song.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Path of the page, or a folder.")
    ] = None,
    console: Annotated[
        str, typer.Option(help="Console whose knobs are shown: classic, mastering or studio.")
    ] = "classic",
    force: options.Force = False,
) -> None:
    """Write an HTML page that plays a song with each knob low, neutral and high."""
    from ai_mixer.mixing.knob_demo import demo_console
    from ai_mixer.mixing.knob_demo_page import write_knob_demo

    reject_pipe("-o", output)
    demo_console(console)  # an unknown name is refused before any work
    default = _default_page(song)
    page = output / default.name if output and output.is_dir() else output or default
    if song:
        with read_pipes([song]) as (path,):
            write_knob_demo(path, page, force, console=console)
    else:
        from ai_mixer.mixing.demo_song import render_demo_song
        from ai_mixer.mixing.paths import check_not_existing, check_outputs
        from ai_mixer.utils.unfinished import temporary_folder

        check_outputs([page], [])  # before the song is synthesised
        check_not_existing([page], force)
        with temporary_folder() as folder:
            logger.info("synthesising a demo song …")
            write_knob_demo(
                render_demo_song(folder),
                page,
                force,
                title="a song by the embedded band",
                console=console,
            )
    print_line(f"{page}: open it in a browser")


def _default_page(song: Path | None) -> Path:
    if song is None or is_pipe(song):
        return Path("stdin_knobs.html" if song else "knobs.html")
    return song.parent / f"{song.stem}_knobs.html"
