"""Arguments and options shared by several commands."""

from pathlib import Path
from typing import Annotated

import typer

from ai_mixer.cli.commands.numbers import (
    AssignedNumber,
    Assignment,
    NamedNumber,
    Number,
    Setting,
    WeightedFile,
)
from ai_mixer.mixing.limits import (
    CEILING_LIMITS_DB,
    REDUCTION_LIMITS_DB,
    SERVICE_TARGETS_LUFS,
    TARGET_LIMITS_LUFS,
)

TARGETS = ("none", "streaming", "broadcast", "mastering", "reference")

Songs = Annotated[
    list[Path],
    typer.Argument(
        help="Audio files (wav, flac, mp3, m4a, ogg, opus, aiff …) or videos; - is standard input."
    ),
]
Song = Annotated[Path, typer.Argument(help="An audio file; - is standard input.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Path of the result (its extension sets the format), or a folder; - writes WAV to "
        "standard output.",
    ),
]
Amount = Annotated[
    list[Assignment],
    typer.Option(
        parser=AssignedNumber("--amount", 0.0, 1.0, name_optional=True),
        metavar="[GROUP=]NUMBER",
        help="Amount of the change, 0 to 1 (all the way to a reference); eq=0.5 for one group of "
        "knobs, vox.wav:eq=0.5 for those of a track, master=0.5 for the master. May be repeated.",
    ),
]
Only = Annotated[
    str | None,
    typer.Option(
        help="Change only these groups of knobs: eq,width; of several tracks also vox.wav:eq,master"
    ),
]
Set = Annotated[
    list[Assignment],
    typer.Option(
        "--set",
        parser=Setting("--set"),
        metavar="KNOB=VALUE",
        help='Fixed value of a knob, named as in the report: low_eq=+1.5, "presence=+2 dB"; of '
        "a track vox.wav:fader_db=-3, of a bus reverb:decay_s=2.1, of the master "
        "master:level=-1dB. May be repeated.",
    ),
]
Reference = Annotated[
    list[Assignment],
    typer.Option(
        parser=WeightedFile("--reference"),
        metavar="FILE[=WEIGHT]",
        help="A song whose sound the result approaches. May be repeated, with weights: a.wav=2.",
    ),
]
Role = Annotated[
    list[str],
    typer.Option(
        "--role", metavar="FILE=ROLE", help="Role of a track: vox.wav=vocals. May be repeated."
    ),
]
Lead = Annotated[
    list[str], typer.Option("--lead", metavar="FILE", help="A track in front. May be repeated.")
]
TrackPan = Annotated[
    list[Assignment],
    typer.Option(
        "--pan",
        parser=AssignedNumber("--pan", -1.0, 1.0),
        metavar="FILE=NUMBER",
        help="Pan of a track, -1 (left) to 1 (right): gtr.wav=-0.4. May be repeated.",
    ),
]
TrackStart = Annotated[
    list[Assignment],
    typer.Option(
        "--start",
        parser=AssignedNumber("--start", 0.0, 3600.0),
        metavar="FILE=SECONDS",
        help="Silence before a track: vox.wav=12.5. Default: the time references of Broadcast Wave "
        "files if all tracks have one, else 0. May be repeated.",
    ),
]
Mute = Annotated[
    list[str], typer.Option("--mute", metavar="FILE", help="A track left out. May be repeated.")
]
Stems = Annotated[
    Path | None,
    typer.Option("--stems", help="Folder for the processed tracks, which sum to the mix."),
]
Match = Annotated[
    str | None,
    typer.Option(help="What of the reference is matched: tone,dynamics,width,level."),
]
Style = Annotated[
    str | None,
    typer.Option(
        help="natural, warm, bright, punchy, vocal, loud or creative; master also has podcast."
    ),
]
Intensity = Annotated[
    str | None,
    typer.Option(help="low, medium or high: how much a master or a style changes."),
]
Model = Annotated[
    str | None, typer.Option(help="A model of `ai-mixer models`, or the id or folder of a run.")
]
Console = Annotated[str | None, typer.Option(help="The console: classic or mastering.")]
Target = Annotated[
    str | None,
    typer.Option(
        parser=NamedNumber(
            "--target", TARGETS, *TARGET_LIMITS_LUFS, "LUFS such as -14", SERVICE_TARGETS_LUFS
        ),
        metavar="NAME|LUFS",
        help="Loudness: none (keep it), reference, streaming, broadcast, mastering, a service "
        "(spotify, apple, youtube, tidal, amazon, deezer), or LUFS.",
    ),
]
CEILING = typer.Option(
    parser=Number("--ceiling", *CEILING_LIMITS_DB, "dBTP"),
    metavar="DBTP",
    help="Highest true peak, dBTP; -1 unless a preset has another one.",
)
Ceiling = Annotated[float, CEILING]
OptionalCeiling = Annotated[float | None, CEILING]
Limiter = Annotated[
    float | None,
    typer.Option(
        parser=Number("--limiter", *REDUCTION_LIMITS_DB, "dB"),
        metavar="DB",
        help="Largest gain reduction of the limiter, dB. Default: 3; up to 12 where a loudness "
        "needs more, with a note.",
    ),
]
Daw = Annotated[
    bool,
    typer.Option("--daw", help="Also presets of the plug-in and projects for DAWs, in a folder."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="A file that cannot be read whole is an error.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite existing results.")]
