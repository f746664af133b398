"""`ai-mixer analyse`: the figures of songs, and what is unusual about them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.errors import format_error
from ai_mixer.cli.commands.parsing import print_line


def analyse(
    songs: options.Songs,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a song.")] = False,
) -> None:
    """Measure songs: loudness, peaks, balance, width; and what is unusual about them."""
    from ai_mixer.utils.parallel import parallel_map

    failed = False
    for song, found in zip(songs, parallel_map(_measure, songs, "measuring"), strict=True):
        if isinstance(found, Exception):
            failed = True
            typer.echo(f"error: {format_error(found)}", err=True)
        elif as_json:
            print_line(json.dumps({"song": str(song), **found}, ensure_ascii=False))
        else:
            _print_measurements(song, found)
    if failed:
        raise typer.Exit(1)


def _measure(song: Path) -> dict[str, Any] | Exception:
    from ai_mixer.audio import AudioFile
    from ai_mixer.mixing.measurements import measure
    from ai_mixer.mixing.segmentation import section_starts_s
    from ai_mixer.mixing.typical_balance import remarks

    try:
        sound = AudioFile(song)
        measurements = measure(sound.blocks(), sound.sample_rate)
    except Exception as error:
        return error
    facts = {"sample_rate": sound.sample_rate, "channels": sound.channels, "kind": sound.format}
    notes = {"remarks": [*sound.warnings, *remarks(measurements)], "tags": sound.tags}
    return {
        **facts,
        **measurements.to_dict(),
        "sections_s": section_starts_s(measurements.seconds),
        **notes,
    }


def _print_measurements(song: Path, found: dict[str, Any]) -> None:
    from ai_mixer.mixing.descriptions import BAND_LABELS
    from ai_mixer.mixing.formatting import format_time

    print_line(str(song))
    print_line(
        f"  {format_time(found['duration_s'])}, {found['kind']}, {found['sample_rate']} Hz, "
        f"{'stereo' if found['channels'] == 2 else 'mono'}"
    )
    print_line(
        f"  loudness {found['loudness_lufs']} LUFS, range {found['range_lu']} LU, "
        f"true peak {found['true_peak_dbtp']} dBTP, crest {found['crest_db']} dB"
    )
    for name, level in found["bands_db"].items():
        print_line(f"  {BAND_LABELS[name]:26} {level:6.1f} dB")
    print_line(f"  sections from {', '.join(format_time(start) for start in found['sections_s'])}")
    for remark in found["remarks"]:
        print_line(f"  {remark}")
