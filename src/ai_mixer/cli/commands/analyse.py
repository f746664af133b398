"""`ai-mixer analyse`: measurements of songs, their faults, and the commands that mend them."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ai_mixer.cli.commands import options
from ai_mixer.cli.commands.errors import format_error
from ai_mixer.cli.commands.parsing import print_error, print_line
from ai_mixer.cli.commands.pipes import read_pipes

if TYPE_CHECKING:
    from ai_mixer.faults.observations import Observations


def analyse(
    songs: options.Songs,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per song.")
    ] = False,
    version: Annotated[
        Path | None,
        typer.Option(help="Another version of the recording: finds swapped channels."),
    ] = None,
    save_preset: Annotated[
        Path | None, typer.Option(help="File for the settings that mend the faults of one song.")
    ] = None,
    strict: options.Strict = False,
    force: options.Force = False,
) -> None:
    """Measure songs, say what is wrong with them, and how to mend it."""
    from ai_mixer.mixing.paths import check_not_existing, check_preset_path
    from ai_mixer.utils.parallel import parallel_map

    if save_preset:
        if len(songs) > 1:
            raise ValueError(f"--save-preset is for one song, got {len(songs)} songs")
        check_preset_path(save_preset)
        check_not_existing([save_preset], force)
    failed = False
    with read_pipes(songs) as files:
        work = partial(
            _measure, strict=strict, version=version, save_preset=save_preset, force=force
        )
        results = parallel_map(work, files, "measuring")
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


def _measure(
    song: Path, strict: bool, version: Path | None, save_preset: Path | None, force: bool
) -> dict[str, Any] | Exception:
    from dataclasses import replace

    from ai_mixer.audio import AudioFile
    from ai_mixer.faults.find import find_faults
    from ai_mixer.faults.observations import ObservationMeter
    from ai_mixer.faults.signal_statistics import (
        describe_delay,
        describe_levels,
        describe_offsets,
    )
    from ai_mixer.mixing import preset as presets
    from ai_mixer.mixing.fault_report import describe_findings, mending_preset
    from ai_mixer.mixing.measurements import SongMeter
    from ai_mixer.mixing.segmentation import section_starts_s
    from ai_mixer.mixing.streaming_preview import preview
    from ai_mixer.mixing.typical_balance import remarks

    def observe(file: AudioFile, meter: SongMeter | None = None) -> "Observations":
        observation_meter = ObservationMeter(file.sample_rate)
        for block in file.blocks():
            observation_meter.push(block)
            if meter is not None:
                meter.push(block)
        return observation_meter.read()

    try:
        file = AudioFile(song, strict)
        meter = SongMeter(file.sample_rate)
        observations = observe(file, meter)
        if version is not None:
            observations = replace(observations, other=observe(AudioFile(version, strict)))
        measurements, statistics = meter.read(), observations.signal
        findings = [] if measurements.silent else find_faults(observations)
        if save_preset:
            presets.save_preset(mending_preset(findings), save_preset, overwrite=force)
    except Exception as error:
        return error
    texts = [line for finding in findings for line in finding.lines]
    others = [
        *describe_levels(statistics),
        *describe_delay(statistics),
        *describe_offsets(statistics),
    ]
    texts += [text for text in others if text not in texts]
    return {
        "sample_rate": file.sample_rate,
        "channels": file.channels,
        "kind": file.format,
        **measurements.to_dict(),
        "silent": measurements.silent,
        "signal": statistics.to_dict(),
        "sections_s": section_starts_s(measurements.spectra_db),
        "warnings": file.missing,
        "faults": describe_findings(findings, song),
        "services": preview(measurements.loudness_lufs, measurements.true_peak_db),
        "remarks": [*file.repairs, *texts, *remarks(measurements)],
        "tags": file.tags,
    }


def _print_measurements(song: Path, measured: dict[str, Any]) -> None:
    from ai_mixer.mixing.descriptions import BAND_LABELS
    from ai_mixer.mixing.formatting import format_time
    from ai_mixer.mixing.streaming_preview import describe_preview

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
    for fault in measured["faults"]:
        print_line(f"  {fault['text']}")
        print_line(f"    mend: {fault['mend']}")
    named = {line for fault in measured["faults"] for line in fault["text"].split("; ")}
    for remark in measured["remarks"]:
        if remark not in named:
            print_line(f"  {remark}")
    if not measured["silent"]:
        for line in describe_preview(measured["services"]):
            print_line(f"  {line}")
