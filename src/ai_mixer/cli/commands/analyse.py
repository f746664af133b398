"""`ai-mixer analyse`: the figures of songs, and what is unusual about them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.errors import one_line
from ai_mixer.cli.commands.parsing import say


def analyse(
    songs: options.Songs,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a song.")] = False,
) -> None:
    """Measure songs: loudness, peaks, balance, width; and what is unusual about them."""
    from ai_mixer.utils.parallel import over_cores

    failed = False
    for song, found in zip(songs, over_cores(_measured, songs, "measuring"), strict=True):
        if isinstance(found, Exception):
            failed = True
            typer.echo(f"error: {one_line(found)}", err=True)
        elif as_json:
            say(json.dumps({"song": str(song), **found}, ensure_ascii=False))
        else:
            _tell(song, found)
    if failed:
        raise typer.Exit(1)


def _measured(song: Path) -> dict[str, Any] | Exception:
    from ai_mixer.audio import Sound
    from ai_mixer.mixing.measurements import measure
    from ai_mixer.mixing.typical_balance import remarks
    from ai_mixer.mixing.segmentation import borders_s

    try:
        sound = Sound(song)
        figures = measure(sound.blocks(), sound.sample_rate)
    except Exception as error:
        return error
    facts = {"sample_rate": sound.sample_rate, "channels": sound.channels, "kind": sound.format}
    notes = {"remarks": [*sound.warnings, *remarks(figures)], "tags": sound.tags}
    return {**facts, **figures.plain(), "sections_s": borders_s(figures.seconds), **notes}


def _tell(song: Path, found: dict[str, Any]) -> None:
    from ai_mixer.mixing.descriptions import BANDS
    from ai_mixer.mixing.formatting import clock

    say(str(song))
    say(
        f"  {clock(found['duration_s'])}, {found['kind']}, {found['sample_rate']} Hz, "
        f"{'stereo' if found['channels'] == 2 else 'mono'}"
    )
    say(
        f"  loudness {found['loudness_lufs']} LUFS, range {found['range_lu']} LU, "
        f"true peak {found['true_peak_dbtp']} dBTP, crest {found['crest_db']} dB"
    )
    for name, level in found["bands_db"].items():
        say(f"  {BANDS[name]:26} {level:6.1f} dB")
    say(f"  sections from {', '.join(clock(start) for start in found['sections_s'])}")
    for remark in found["remarks"]:
        say(f"  {remark}")
