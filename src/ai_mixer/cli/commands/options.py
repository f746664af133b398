"""Arguments and options shared by several commands."""

from pathlib import Path
from typing import Annotated

import typer

Songs = Annotated[
    list[Path],
    typer.Argument(help="Audio files: wav, flac, mp3, m4a, ogg, opus, aiff …, or videos."),
]
Song = Annotated[Path, typer.Argument(help="An audio file.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Path of the result (its extension sets the format), or a folder."
    ),
]
Amount = Annotated[
    list[str],
    typer.Option(
        help="Amount of the change, 0 to 1; eq=0.5 for one group of knobs. May be repeated."
    ),
]
Only = Annotated[str | None, typer.Option(help="Change only these groups of knobs: eq,width")]
Set = Annotated[
    list[str], typer.Option("--set", help="Fixed value of a knob: low_eq=+1.5. May be repeated.")
]
Style = Annotated[str | None, typer.Option(help="natural, vocal, loud or creative.")]
Model = Annotated[
    str | None, typer.Option(help="A model of `ai-mixer models`, or the id or folder of a run.")
]
Ceiling = Annotated[float, typer.Option(help="Highest true peak, dBTP.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="A file that cannot be read whole is an error.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite existing results.")]
