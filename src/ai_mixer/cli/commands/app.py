"""`ai-mixer app`: a page to mix on, in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from ai_mixer.cli.commands.numbers import WholeNumber

DEFAULT_FOLDER = Path.home() / ".ai_mixer"


def app(
    port: Annotated[
        int | None,
        typer.Option(
            parser=WholeNumber("--port", 1, 65_535),
            metavar="NUMBER",
            help="Port; by default the first free one from 8765.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine need --password.")
    ] = "127.0.0.1",
    password: Annotated[
        str | None,
        typer.Option(envvar="AI_MIXER_PASSWORD", help="Password instead of a token."),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Folder in which songs and results are kept.")
    ] = DEFAULT_FOLDER,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Open a page to mix on: upload, listen, turn knobs, export."""
    try:
        from ai_mixer.app.serve import serve
    except ModuleNotFoundError as error:
        raise ValueError(f"the page needs {error.name}: pip install 'ai-mixer[app]'") from None
    from ai_mixer.app.worker import ProcessRunner

    folder = folder.expanduser().resolve()
    serve(folder, ProcessRunner(folder), host=host, port=port, password=password, browser=browser)
