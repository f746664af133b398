"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Songs = Annotated[list[Path], typer.Argument(help="Sound files: wav, flac, mp3, ogg, aiff.")]
Song = Annotated[Path, typer.Argument(help="A sound file.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="The result's name (its ending says the kind) or a folder."
    ),
]
Amount = Annotated[
    list[str],
    typer.Option(
        help="How much of it, 0 to 1; or of one stage: eq=0.5. May be given several times."
    ),
]
Only = Annotated[str | None, typer.Option(help="Only these stages: eq,width")]
Set = Annotated[list[str], typer.Option("--set", help="A knob as you want it: low_eq=+1.5")]
Style = Annotated[str | None, typer.Option(help="natural, vocal, loud or creative.")]
Model = Annotated[
    str | None, typer.Option(help="A model of `ai-mixer models`, a run's id or a folder.")
]
Ceiling = Annotated[float, typer.Option(help="Highest true peak, dBTP.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite results that are there.")]
