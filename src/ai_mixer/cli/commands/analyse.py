"""`ai-mixer analyse`: measurements of songs, with remarks on unusual ones."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.errors import format_error
from ai_mixer.cli.commands.parsing import print_error, print_line
from ai_mixer.cli.commands.pipes import read_pipes


def analyse(
    songs: options.Songs,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per song.")
    ] = False,
    strict: options.Strict = False,
) -> None:
    """Measure songs: loudness, peaks, spectral balance, width, technical faults; with remarks."""
    from ai_mixer.utils.parallel import parallel_map

    failed = False
    with read_pipes(songs) as files:
        results = parallel_map(partial(_measure, strict=strict), files, "measuring")
        for song, result in zip(songs, results, strict=True):
            if isinstance(result, Exception):
                failed = True
                print_error(format_error(result))
            elif as_json:
                is_utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
                print_line(json.dumps({"song": str(song), **result}, ensure_ascii=not is_utf8))
            else:
                _print_measurements(song, result)
    if failed:
        raise typer.Exit(1)


def _measure(song: Path, strict: bool) -> dict[str, Any] | Exception:
    from ai_mixer.audio import AudioFile
    from ai_mixer.mixing.measurements import SongMeter
    from ai_mixer.mixing.segmentation import section_starts_s
    from ai_mixer.mixing.signal_faults import SignalFaultMeter, describe_faults
    from ai_mixer.mixing.typical_balance import remarks

    try:
        file = AudioFile(song, strict)
        meter, fault_meter = SongMeter(file.sample_rate), SignalFaultMeter(file.sample_rate)
        for block in file.blocks():
            meter.push(block)
            fault_meter.push(block)
        measurements, statistics = meter.read(), fault_meter.read()
    except Exception as error:
        return error
    return {
        "sample_rate": file.sample_rate,
        "channels": file.channels,
        "kind": file.format,
        **measurements.to_dict(),
        "signal": statistics.to_dict(),
        "sections_s": section_starts_s(measurements.spectra_db),
        "warnings": file.missing,
        "remarks": [*file.repairs, *describe_faults(statistics), *remarks(measurements)],
        "tags": file.tags,
    }


def _print_measurements(song: Path, measured: dict[str, Any]) -> None:
    from ai_mixer.mixing.descriptions import BAND_LABELS
    from ai_mixer.mixing.formatting import format_time

    print_line(str(song))
    print_line(
        f"  {format_time(measured['duration_s'])}, {measured['kind']}, "
        f"{measured['sample_rate']} Hz, {'stereo' if measured['channels'] == 2 else 'mono'}"
    )
    print_line(
        f"  loudness {measured['loudness_lufs']} LUFS, range {measured['range_lu']} LU, "
        f"true peak {measured['true_peak_dbtp']} dBTP, crest {measured['crest_db']} dB"
    )
    for name, level in measured["bands_db"].items():
        print_line(f"  {BAND_LABELS[name]:26} {level:6.1f} dB")
    starts = ", ".join(format_time(start) for start in measured["sections_s"])
    print_line(f"  sections from {starts}")
    for warning in measured["warnings"]:
        print_line(f"  warning: {warning}")
    for remark in measured["remarks"]:
        print_line(f"  {remark}")
