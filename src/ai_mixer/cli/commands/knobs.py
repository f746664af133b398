"""`ai-mixer knobs`: an HTML page with audio demos of the knobs."""

from pathlib import Path
from typing import Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.parsing import print_line
from ai_mixer.utils.log import logger


def knobs(
    song: Annotated[
        Path | None, typer.Argument(help="Audio file; by default a synthesised demo song.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Path of the page, or a folder.")
    ] = None,
    force: options.Force = False,
) -> None:
    """Write an HTML page that plays a song with each knob low, neutral and high."""
    from tempfile import TemporaryDirectory

    from ai_mixer.mixing.knob_demo_page import write_knob_demo

    default = (song or Path("song")).with_name(f"{song.stem}_knobs.html" if song else "knobs.html")
    page = output / default.name if output and output.is_dir() else output or default
    if song:
        write_knob_demo(song, page, force)
    else:
        from ai_mixer.mixing.demo_song import render_demo_song
        from ai_mixer.mixing.paths import check_not_existing

        check_not_existing([page], force)  # before the song is synthesised
        with TemporaryDirectory(prefix="ai_mixer-") as folder:
            logger.info("synthesising a demo song …")
            write_knob_demo(
                render_demo_song(Path(folder)), page, force, title="a song by the embedded band"
            )
    print_line(f"{page}: open it in a browser")
