"""`ai-mixer knobs`: a page to hear what each knob does."""

from pathlib import Path
from typing import Annotated

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.parsing import print_line


def knobs(
    song: Annotated[
        Path | None, typer.Argument(help="A sound file; without one, a band of ours plays.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page's name, or a folder.")
    ] = None,
    force: options.Force = False,
) -> None:
    """Hear what each knob does: a page that plays a song with every knob low and high."""
    from tempfile import TemporaryDirectory

    from ai_mixer.mixing.knob_demo_page import write_knob_demo

    place = (song or Path("song")).with_name(f"{song.stem}_knobs.html" if song else "knobs.html")
    page = output / place.name if output and output.is_dir() else output or place
    if song:
        write_knob_demo(song, page, force)
    else:
        from ai_mixer.mixing.demo_song import render_demo_song
        from ai_mixer.mixing.render import check_not_existing

        check_not_existing([page], force)  # before the band begins
        with TemporaryDirectory(prefix="ai_mixer-") as folder:
            typer.echo("the embedded band plays a song …", err=True)
            write_knob_demo(
                render_demo_song(Path(folder)), page, force, title="a song by the embedded band"
            )
    print_line(f"{page}: open it in a browser")
