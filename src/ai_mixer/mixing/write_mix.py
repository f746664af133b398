"""Render one song and write its settings and report next to the result."""

from dataclasses import replace
from pathlib import Path

from ai_mixer.audio import AudioFile
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing import report
from ai_mixer.mixing.level_notes import level_notes
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import sidecar_paths
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.render import render_file


def render_with_report(
    song: AudioFile,
    before: Measurements,
    preset: Preset,
    output: Path,
    *,
    write_sidecars: bool = True,
    limit: bool = True,
    note: str = "",
    as_loud_as: str = "the song",
) -> MixResult:
    """Render a song; write_sidecars: write settings and report as well. note: an additional one.

    as_loud_as: name of the song whose loudness the mix has, for notes.
    """
    rendered = render_file(song, before, preset, output, limit)
    after = rendered.measurements
    notes = [*song.warnings, *([note] if note else [])]
    notes += level_notes(before, rendered, preset, limit, as_loud_as)
    preset = replace(
        preset,
        song=song.path.name,
        measured={"before": before.to_dict(), "after": after.to_dict()},
    )
    result = MixResult(song.path, output, preset, before, after, notes)
    if write_sidecars:
        settings_file, report_file = sidecar_paths(output)
        presets.save_preset(preset, settings_file)
        report.write_html(result, report_file)
    return result
