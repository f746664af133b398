"""The commands of `ai-mixer`."""

from typing import Annotated

import typer

from ai_mixer.cli.commands.analyse import analyse
from ai_mixer.cli.commands.app import app as open_app
from ai_mixer.cli.commands.compare import compare
from ai_mixer.cli.commands.enhance import enhance
from ai_mixer.cli.commands.knobs import knobs
from ai_mixer.cli.commands.listen import listen
from ai_mixer.cli.commands.master import master
from ai_mixer.cli.commands.match import match
from ai_mixer.cli.commands.mix import mix
from ai_mixer.cli.commands.models import models


def _print_version(wanted: bool) -> None:
    if wanted:
        from ai_mixer.core.version import __version__

        print(f"ai-mixer {__version__}")
        raise typer.Exit


app = typer.Typer(
    help="Mix songs: a model sets the knobs of a console, and options change the settings. "
    "Results are written next to the song, with settings and a report. --debug shows the "
    "traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


Version = Annotated[
    bool,
    typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
]


@app.callback()
def main(version: Version = False) -> None:
    """Options of `ai-mixer` itself; the help text is that of the application."""


for command in (mix, compare, master, enhance, match, analyse, knobs, listen):
    app.command()(command)
app.command("app")(open_app)
app.add_typer(models, name="models")
