"""Render one song, and write its settings and report next to the result."""

from dataclasses import replace
from pathlib import Path

from ai_mixer.audio import AudioFile
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing import report
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import sidecar_paths
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.render import RenderResult, render_file

MIN_REPORTED_DB = 0.05  # a peak over its ceiling by less is not seen in a figure


def render_with_report(
    sound: AudioFile,
    before: Measurements,
    preset: Preset,
    output: Path,
    *,
    write_sidecars: bool = True,
    limit: bool = True,
    note: str = "",
) -> MixResult:
    """Render, and write settings and report beside the result. note: one more to be told."""
    rendered = render_file(sound, before, preset, output, limit)
    after = rendered.measurements
    notes = [*sound.warnings, *([note] if note else [])]
    notes += _level_notes(before, rendered, preset.ceiling_db, limit)
    preset = replace(
        preset,
        song=sound.path.name,
        measured={"before": before.to_dict(), "after": after.to_dict()},
    )
    result = MixResult(sound.path, output, preset, before, after, notes)
    if write_sidecars:
        settings, page = sidecar_paths(output)
        presets.save_preset(preset, settings)
        report.write_html(result, page)
    return result


def _level_notes(
    before: Measurements, rendered: RenderResult, ceiling_db: float, limit: bool
) -> list[str]:
    """What a musician would ask about the level of the result."""
    after, notes = rendered.measurements, []
    quieter = before.loudness_lufs - after.loudness_lufs
    if before.silent:
        notes.append("the song is silent")
    elif not rendered.delivered.target_reached and limit:
        notes.append(
            f"asked for {rendered.delivered.target_lufs:.1f} LUFS: more than "
            f"{after.loudness_lufs:.1f} would damage its peaks"
        )
    elif not limit and quieter > 0.1:
        notes.append(f"{quieter:.1f} LU quieter, to keep its peaks whole")
    if after.true_peak_db > ceiling_db + MIN_REPORTED_DB:
        notes.append(
            f"peaks at {after.true_peak_db:.1f} dBTP, over the ceiling of {ceiling_db:.1f}: "
            "the encoder added that; --ceiling lower leaves it room"
        )
    return notes
