"""Render one song and write its settings and report next to the result."""

from dataclasses import replace

from ai_mixer.audio import AudioFile
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing import report
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import ResultFiles
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.render import RenderResult, render_file
from ai_mixer.utils.atomic_write import write_draft

MIN_REPORTED_DB = 0.05  # a smaller excess over the ceiling is not visible in rounded numbers


def render_with_report(
    song: AudioFile,
    before: Measurements,
    preset: Preset,
    files: ResultFiles,
    drafts: ResultFiles,
    *,
    limit: bool = True,
    note: str = "",
    other: AudioFile | None = None,
) -> MixResult:
    """Render a song and write the drafts of its files. note: an additional one.

    other: the reference or finished version.
    """
    rendered = render_file(song, before, preset, drafts.audio, limit)
    after = rendered.measurements
    missing = [*song.missing, *(other.missing if other else ())]
    notes = [*missing, *song.repairs, *([note] if note else [])]
    notes += _level_notes(before, rendered, preset.ceiling_db, limit)
    preset = replace(
        preset,
        song=song.path.name,
        measured={"before": before.to_dict(), "after": after.to_dict()},
    )
    result = MixResult(song.path, files.audio, preset, before, after, notes, missing)
    if drafts.settings:
        write_draft(drafts.settings, presets.to_json(preset))
    if drafts.report:
        write_draft(drafts.report, report.to_html(result))
    return result


def _level_notes(
    before: Measurements, rendered: RenderResult, ceiling_db: float, limit: bool
) -> list[str]:
    """Notes on the level of the result."""
    after, notes = rendered.measurements, []
    quieter = before.loudness_lufs - after.loudness_lufs
    if before.silent:
        notes.append("the song is silent")
    elif not rendered.delivered.target_reached and limit:
        notes.append(
            f"target {rendered.delivered.target_lufs:.1f} LUFS not reached: above "
            f"{after.loudness_lufs:.1f} LUFS the limiter would distort the peaks"
        )
    elif not limit and quieter > 0.1:
        notes.append(f"{quieter:.1f} LU quieter, so that no peak is limited")
    if after.true_peak_db > ceiling_db + MIN_REPORTED_DB:
        notes.append(
            f"peaks at {after.true_peak_db:.1f} dBTP, over the ceiling of {ceiling_db:.1f}, "
            "because of the encoder: set a lower --ceiling"
        )
    return notes
